import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema, scopesSchema } from "../events/identifiers.ts";
import { trackEvent } from "../events/track-event.ts";
import { type AccessToken, digestSecret, generateSecret } from "./access-token.ts";
import { storeTokenCredential } from "./credentials.ts";
import { expiryAttributes } from "./expiry-attributes.ts";

export const issueTokenRequestSchema = z.strictObject({
  clientId: identifierSchema,
  userId: identifierSchema.optional(),
  scopes: scopesSchema.min(1, "expected at least one scope"),
  /** Lifetime in seconds, at most one year. */
  expiresInSeconds: z
    .int()
    .min(1)
    .max(366 * 86_400),
});

/** Parameters of a new token. */
export interface IssueTokenRequest extends z.input<typeof issueTokenRequestSchema> {}

/** A new token. `secret` isn't stored, so this is the only time it is returned. */
export interface IssuedToken {
  readonly secret: string;
  readonly token: AccessToken;
}

/**
 * Issues an opaque access token. Stores the token's digest, adds it to the lists of its client and user, and publishes
 * `token_issued`. The secret is returned only after that, so every usable token has been counted.
 *
 * @throws InvalidInputError naming each invalid part of the request
 * @example
 * ```typescript
 * const { secret, token } = await issueToken(openMonitoring(), {
 *   clientId: "app",
 *   userId: "ada",
 *   scopes: ["api:read"],
 *   expiresInSeconds: 3600,
 * });
 * ```
 */
export async function issueToken(
  context: Pick<
    MonitoringContext,
    "db" | "tokensTable" | "credentialsTable" | "config" | "clock" | "sink"
  >,
  request: IssueTokenRequest,
): Promise<IssuedToken> {
  const parsed = parseInput(issueTokenRequestSchema, "the token request", request);
  const nowMs = context.clock();
  const secret = generateSecret();
  const tokenDigest = digestSecret(secret);
  const expiry = expiryAttributes(
    tokenDigest,
    nowMs + parsed.expiresInSeconds * SECOND_MS,
    context.config,
  );
  const token: AccessToken = {
    token_digest: tokenDigest,
    token_id: uuidv7({ msecs: nowMs }),
    oauth_client_id: parsed.clientId,
    user_id: parsed.userId,
    scopes: [...new Set(parsed.scopes)],
    issued_at: toInstant(nowMs),
    expires_at: expiry.expires_at,
    listed: true,
  };
  await Promise.all([
    context.db.send(
      new PutCommand({
        TableName: context.tokensTable,
        Item: { ...token, ...expiry },
        ConditionExpression: "attribute_not_exists(token_digest)",
      }),
    ),
    storeTokenCredential(context, token),
  ]);
  await trackEvent(
    context,
    "token_issued",
    token,
    { scopes: token.scopes, issued_at: token.issued_at, expires_at: token.expires_at },
    { atMs: nowMs },
  );
  return { secret, token };
}

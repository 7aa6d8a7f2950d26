import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema, scopesSchema } from "../events/identifiers.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import { type AccessToken, digestSecret, generateSecret, type TokenStore } from "./access-token.ts";
import { type CredentialStore, storeTokenCredential } from "./credentials.ts";
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
export type IssueTokenRequest = z.input<typeof issueTokenRequestSchema>;

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
 */
export async function issueToken(
  issuer: Tracking & TokenStore & CredentialStore & { readonly config: MonitoringConfig },
  request: IssueTokenRequest,
): Promise<IssuedToken> {
  const asked = parseInput(issueTokenRequestSchema, "the token request", request);
  const nowMs = issuer.clock();
  const secret = generateSecret();
  const tokenDigest = digestSecret(secret);
  const expiry = expiryAttributes(
    tokenDigest,
    nowMs + asked.expiresInSeconds * SECOND_MS,
    issuer.config,
  );
  const token: AccessToken = {
    token_digest: tokenDigest,
    token_id: uuidv7({ msecs: nowMs }),
    oauth_client_id: asked.clientId,
    user_id: asked.userId,
    scopes: [...new Set(asked.scopes)],
    issued_at: toInstant(nowMs),
    expires_at: expiry.expires_at,
    listed: true,
  };
  await Promise.all([
    issuer.db.send(
      new PutCommand({
        TableName: issuer.tokensTable,
        Item: { ...token, ...expiry },
        ConditionExpression: "attribute_not_exists(token_digest)",
      }),
    ),
    storeTokenCredential(issuer, token),
  ]);
  await trackEvent(
    issuer,
    "token_issued",
    token,
    { scopes: token.scopes, issued_at: token.issued_at, expires_at: token.expires_at },
    { atMs: nowMs },
  );
  return { secret, token };
}

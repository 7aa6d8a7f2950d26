import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { toInstant } from "../core/clock.ts";
import { OAuthMonitoringError, parseInput } from "../core/errors.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { identityOfNamedToken } from "../events/token-identity.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "./access-token.ts";
import { expiryAttributes } from "./expiry-attributes.ts";
import { LONGEST_LIFETIME_MS } from "./revoked-principals.ts";

/** A revoked token. Stores the revocation's event ID, so that repeated revocations publish the same event. */
const revokedTokenSchema = accessTokenSchema.extend({
  revoked_at: z.string(),
  revocation_event_id: z.string(),
  /** Whether the token was revoked before its first use. If so, its issue and expiry times are unknown. */
  never_seen: z.boolean().optional(),
});

/** Thrown when no token has the id. */
export class TokenNotFoundError extends OAuthMonitoringError {
  override readonly name = "TokenNotFoundError";

  constructor(tokenId: string) {
    super(`there is no token ${tokenId}. Check the id; an expired token may have been deleted`);
  }
}

/**
 * Returns the table key for a token's public ID.
 *
 * @throws TokenNotFoundError if no token has the ID
 */
export async function digestOfTokenId(store: TokenStore, tokenId: string): Promise<string> {
  const { Items } = await store.db.send(
    new QueryCommand({
      TableName: store.tokensTable,
      IndexName: "by_token_id",
      KeyConditionExpression: "token_id = :token_id",
      ExpressionAttributeValues: { ":token_id": tokenId },
    }),
  );
  const digest = Items?.[0]?.token_digest as string | undefined;
  if (digest === undefined) throw new TokenNotFoundError(tokenId);
  return digest;
}

/**
 * Marks a token as revoked, unless it already is, and publishes `token_revoked`. Repeated calls publish the same event
 * with the same ID.
 *
 * @returns undefined if the token doesn't exist
 */
export async function markRevoked(
  context: Tracking & TokenStore,
  tokenDigest: string,
  atMs: number,
): Promise<AccessToken | undefined> {
  const revoked = await context.db
    .send(
      new UpdateCommand({
        TableName: context.tokensTable,
        Key: { token_digest: tokenDigest },
        UpdateExpression: "SET revoked_at = :now, revocation_event_id = :event_id",
        ConditionExpression: "attribute_exists(token_digest) AND attribute_not_exists(revoked_at)",
        ExpressionAttributeValues: {
          ":now": toInstant(atMs),
          ":event_id": uuidv7({ msecs: atMs }),
        },
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    )
    .then(({ Attributes }) => Attributes)
    .catch((error: unknown) => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item && unmarshall(error.Item);
    });
  if (!revoked) return undefined;
  const token = revokedTokenSchema.parse(revoked);
  await trackEvent(
    context,
    "token_revoked",
    token,
    token.never_seen ? {} : { issued_at: token.issued_at, expires_at: token.expires_at },
    { atMs: Date.parse(token.revoked_at), id: token.revocation_event_id },
  );
  return token;
}

/**
 * Revokes a token by its public ID and publishes `token_revoked`. Repeated calls change nothing and publish
 * the same event with the same ID, so a retry completes a revocation that a crash interrupted.
 *
 * @example
 * ```typescript
 * await revokeToken(openMonitoring(), token.token_id);
 * ```
 * @throws TokenNotFoundError if no token has the ID
 */
export async function revokeToken(
  context: Pick<MonitoringContext, "db" | "tokensTable" | "clock" | "sink">,
  tokenId: string,
): Promise<AccessToken> {
  const nowMs = context.clock();
  const token = await markRevoked(context, await digestOfTokenId(context, tokenId), nowMs);
  if (!token) throw new TokenNotFoundError(tokenId);
  return token;
}

const namedTokenSchema = z.strictObject({
  issuer: z.url().max(512),
  jti: z.string().min(1).max(512),
  clientId: identifierSchema,
  userId: identifierSchema.optional(),
});

/** A token from another issuer, identified by `iss` and `jti`. */
export interface NamedToken extends z.input<typeof namedTokenSchema> {}

/**
 * Revokes another issuer's token by `jti`, even if the token was never used here, and publishes `token_revoked`. An
 * unused token's expiry is unknown, so its revocation is kept for the longest allowed token lifetime.
 *
 * @example
 * ```typescript
 * await revokeNamedToken(openMonitoring(), {
 *   issuer: "https://login.example.com",
 *   jti: claims.jti,
 *   clientId: claims.client_id,
 * });
 * ```
 * @throws InvalidInputError if the request isn't valid
 */
export async function revokeNamedToken(
  context: Pick<MonitoringContext, "db" | "tokensTable" | "config" | "clock" | "sink">,
  named: NamedToken,
): Promise<AccessToken> {
  const { issuer, jti, clientId, userId } = parseInput(namedTokenSchema, "the token", named);
  const { token_digest, token_id } = identityOfNamedToken(issuer, jti);
  const nowMs = context.clock();
  const expiry = expiryAttributes(token_digest, nowMs + LONGEST_LIFETIME_MS, context.config);
  const item: Record<string, unknown> = {
    token_id,
    issuer,
    oauth_client_id: clientId,
    ...(userId !== undefined && { user_id: userId }),
    scopes: [],
    issued_at: toInstant(nowMs),
    never_seen: true,
    ...expiry,
  };
  const names = Object.keys(item);
  await context.db
    .send(
      new UpdateCommand({
        TableName: context.tokensTable,
        Key: { token_digest },
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
        ConditionExpression: "attribute_not_exists(token_digest)",
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(
          names.map((name) => [`:${name}`, item[name]]),
        ),
      }),
    )
    .catch((error: unknown) => {
      // The token is already stored.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
  const token = await markRevoked(context, token_digest, nowMs);
  if (!token) throw new TokenNotFoundError(token_id);
  return token;
}

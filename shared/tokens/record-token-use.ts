import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { toInstant } from "../time/clock.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "./access-token.ts";

/**
 * A token's standing at an instant; `token` is there whenever the secret is known, and is as it was
 * before the use: its `last_used_at` and `last_used_ip` are those of the use before.
 */
export type TokenUse =
  | { readonly status: "active"; readonly token: AccessToken }
  | { readonly status: "expired" | "revoked"; readonly token: AccessToken }
  | { readonly status: "unknown" };

/** Error names under which DynamoDB says "not now" to a write of one busy item or partition. */
const THROTTLED = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
]);

/** The standing of a stored token at `atMs`: revoked before expired, expired at exactly `expires_at`. */
export function standing(token: AccessToken | undefined, atMs: number): TokenUse {
  if (!token) return { status: "unknown" };
  if (token.revoked_at !== undefined) return { status: "revoked", token };
  if (token.expires_at <= toInstant(atMs)) return { status: "expired", token };
  return { status: "active", token };
}

/** Reads a token by its digest (1 read unit per 4 KB, strongly consistent) and judges it. */
export async function findToken(
  store: TokenStore,
  tokenDigest: string,
  atMs: number,
): Promise<TokenUse> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.tokensTable,
      Key: { token_digest: tokenDigest },
      ConsistentRead: true,
    }),
  );
  return standing(Item && accessTokenSchema.parse(Item), atMs);
}

/**
 * Judges a token and writes when and from where it is used, in one round trip: a conditional UpdateItem that hands
 * back the item either way (1 write unit per KB). A token that is not active is not touched, nor is a
 * later `last_used_at`. When the write alone is throttled (one token busier than a partition can
 * write), the token is read instead: the call goes on, its exact time is in its event.
 */
export async function recordTokenUse(
  store: TokenStore,
  tokenDigest: string,
  atMs: number,
  ip: string,
): Promise<TokenUse> {
  try {
    const { Attributes } = await store.db.send(
      new UpdateCommand({
        TableName: store.tokensTable,
        Key: { token_digest: tokenDigest },
        UpdateExpression: "SET last_used_at = :now, last_used_ip = :ip",
        ConditionExpression:
          "expires_at > :now AND attribute_not_exists(revoked_at) AND (attribute_not_exists(last_used_at) OR last_used_at < :now)",
        ExpressionAttributeValues: { ":now": toInstant(atMs), ":ip": ip },
        ReturnValues: "ALL_OLD",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
    return standing(accessTokenSchema.parse(Attributes), atMs);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) {
      return standing(error.Item && accessTokenSchema.parse(unmarshall(error.Item)), atMs);
    }
    if (error instanceof Error && THROTTLED.has(error.name))
      return findToken(store, tokenDigest, atMs);
    throw error;
  }
}

import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { toInstant } from "../core/clock.ts";
import { canonicalIp } from "../events/ip-address.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { trackEvent } from "../events/track-event.ts";
import { type AccessToken, accessTokenSchema, type TokenStore } from "./access-token.ts";

/**
 * A token's status at a given time. `token` is the token as stored before this use, so its `last_used_at` and
 * `last_used_ip` describe the previous use.
 */
export type TokenUse =
  | { readonly status: "active"; readonly token: AccessToken }
  | { readonly status: "expired" | "revoked"; readonly token: AccessToken }
  | { readonly status: "unknown" };

/** DynamoDB errors for writing to an item or partition that is too busy. */
const THROTTLED = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
]);

/** Whether a write failed only because of throttling. */
export function isThrottled(error: unknown): boolean {
  return error instanceof Error && THROTTLED.has(error.name);
}

/**
 * Returns a stored token's status at `atMs`. The token is expired from `expires_at` onwards. `revoked` takes precedence
 * over `expired`.
 */
export function toTokenUse(token: AccessToken | undefined, atMs: number): TokenUse {
  if (!token) return { status: "unknown" };
  if (token.revoked_at !== undefined) return { status: "revoked", token };
  if (token.expires_at <= toInstant(atMs)) return { status: "expired", token };
  return { status: "active", token };
}

/** Reads a token by its digest (strongly consistent, 1 read unit per 4 KB) and returns its status. */
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
  return toTokenUse(Item && accessTokenSchema.parse(Item), atMs);
}

/**
 * Returns a token's status and records when and from which address it was used. Takes one round trip: a conditional
 * UpdateItem that always returns the item (1 write unit per KB). The update skips a token that isn't active and never
 * replaces a later `last_used_at`. If the write is throttled because the token exceeds a partition's limit, the token
 * is only read: the call continues, and the call's event records the exact time.
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
    return toTokenUse(accessTokenSchema.parse(Attributes), atMs);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) {
      return toTokenUse(error.Item && accessTokenSchema.parse(unmarshall(error.Item)), atMs);
    }
    if (isThrottled(error)) return findToken(store, tokenDigest, atMs);
    throw error;
  }
}

/** The time and address of a token's previous use, or null for the first use. */
export const previousUseSchema = z.object({ at: z.string(), ip: z.string() }).nullable();

/**
 * Returns the previous use for a `token_used` event. Detection uses it to find a change of network or a long idle time.
 * Producers that don't know the previous use omit it.
 */
export function previousUse(token: Pick<AccessToken, "last_used_at" | "last_used_ip">): {
  readonly previous_use: z.output<typeof previousUseSchema>;
} {
  const { last_used_at: at, last_used_ip: ip } = token;
  return { previous_use: at === undefined || ip === undefined ? null : { at, ip } };
}

/** The request in which a token was used. */
export interface TokenRequest {
  readonly endpoint: string;
  readonly method: string;
  readonly ip: string;
  readonly user_agent?: string | undefined;
}

/**
 * Tracks a token's use: sets `last_used_at` to the exact time, and publishes `token_used` with the caller's address.
 *
 * @example
 * ```typescript
 * await trackTokenUsage(openMonitoring(), token, { endpoint: "/orders", method: "GET", ip });
 * ```
 */
export async function trackTokenUsage(
  context: Pick<MonitoringContext, "db" | "tokensTable" | "clock" | "sink">,
  token: Pick<AccessToken, "token_digest" | "token_id" | "oauth_client_id" | "user_id">,
  request: TokenRequest,
): Promise<OAuthEvent> {
  const atMs = context.clock();
  const ip = canonicalIp(request.ip);
  const use = await recordTokenUse(context, token.token_digest, atMs, ip);
  const details = use.status === "active" ? { ...request, ...previousUse(use.token) } : request;
  return trackEvent(context, "token_used", token, { ...details }, { atMs });
}

import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { accessTokenSchema, type TokenStore, type VerifiedToken } from "./access-token.ts";
import { expiryAttributes } from "./expiry-attributes.ts";
import { isThrottled, type TokenUse } from "./token-use.ts";

/** Attributes that come from DynamoDB rather than the claims. A token revoked before its first use has no others. */
const storedStateSchema = accessTokenSchema.pick({
  revoked_at: true,
  last_used_at: true,
  last_used_ip: true,
  listed: true,
});

/** A verified token's use, combined with its stored item. */
export interface VerifiedUse {
  readonly use: Exclude<TokenUse, { readonly status: "unknown" }>;
  /** Whether this use created the stored item. Of several concurrent calls, exactly one gets true. */
  readonly isFirst: boolean;
  /** Whether the use was stored. If false, record it again later. */
  readonly isRecorded: boolean;
}

type Recorder = TokenStore & { readonly config: Pick<MonitoringConfig, "shards" | "retention"> };

/** Combines a verified token with its stored item. Doesn't check the expiry, which the verifier has already checked. */
export function verifiedUse(
  { token }: VerifiedToken,
  item: Record<string, unknown> | undefined,
): VerifiedUse["use"] {
  const known = { ...token, ...(item && storedStateSchema.parse(item)) };
  return { status: known.revoked_at === undefined ? "active" : "revoked", token: known };
}

/**
 * Records a verified token's use in one round trip: an UpdateItem that creates the item on the first use (1 write unit
 * per KB). The update skips a revoked token and never replaces a later `last_used_at`. If the write is throttled, the
 * item is only read.
 */
export async function recordVerifiedUse(
  recorder: Recorder,
  verified: VerifiedToken,
  atMs: number,
  ip: string,
): Promise<VerifiedUse> {
  const { token_digest, ...facts } = verified.token;
  const item: Record<string, unknown> = {
    ...facts,
    issuer: verified.issuer,
    ...expiryAttributes(token_digest, Date.parse(facts.expires_at), recorder.config),
    last_used_at: toInstant(atMs),
    last_used_ip: ip,
  };
  const names = Object.keys(item).filter((name) => item[name] !== undefined);
  const Key = { token_digest };
  try {
    const { Attributes } = await recorder.db.send(
      new UpdateCommand({
        TableName: recorder.tokensTable,
        Key,
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
        ConditionExpression:
          "attribute_not_exists(revoked_at) AND (attribute_not_exists(#last_used_at) OR #last_used_at < :last_used_at)",
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(
          names.map((name) => [`:${name}`, item[name]]),
        ),
        ReturnValues: "ALL_OLD",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
    const isFirst = Attributes?.last_used_at === undefined;
    return { use: verifiedUse(verified, Attributes), isFirst, isRecorded: true };
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) {
      const known = error.Item && unmarshall(error.Item);
      return { use: verifiedUse(verified, known), isFirst: false, isRecorded: true };
    }
    if (!isThrottled(error)) throw error;
    const { Item } = await recorder.db.send(
      new GetCommand({ TableName: recorder.tokensTable, Key, ConsistentRead: true }),
    );
    return { use: verifiedUse(verified, Item), isFirst: false, isRecorded: Item !== undefined };
  }
}

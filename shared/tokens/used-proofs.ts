import { createHash } from "node:crypto";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { toEpochSeconds } from "../core/clock.ts";
import type { TokenStore } from "./access-token.ts";

/** How a DPoP proof is identified. */
export interface ProofIdentity {
  /** Thumbprint of the key that signed the proof. */
  readonly keyThumbprint: string;
  readonly jti: string;
  /** Time from which the proof is too old, in epoch milliseconds. */
  readonly expiresAtMs: number;
}

/**
 * Marks a proof as used until it expires (1 write unit). The write is conditional, so if several concurrent calls use
 * the same proof, only one succeeds. DynamoDB TTL removes the item.
 *
 * @returns false if the proof has already been used (RFC 9449, section 11.1)
 */
export async function useProof(
  store: TokenStore,
  { keyThumbprint, jti, expiresAtMs }: ProofIdentity,
): Promise<boolean> {
  const digest = createHash("sha256").update(`${keyThumbprint}\n${jti}`).digest("hex");
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.tokensTable,
        Key: { token_digest: `dpop:${digest}` },
        UpdateExpression: "SET ttl_epoch_seconds = :ttl",
        ConditionExpression: "attribute_not_exists(token_digest)",
        ExpressionAttributeValues: { ":ttl": toEpochSeconds(expiresAtMs) },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

import { createHash } from "node:crypto";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { toEpochSeconds } from "../core/clock.ts";
import type { TokenStore } from "./access-token.ts";

/** What tells one proof of possession from every other. */
export interface ProofIdentity {
  /** The thumbprint of the key that signed it. */
  readonly keyThumbprint: string;
  readonly jti: string;
  /** When it is refused for its age, epoch milliseconds. */
  readonly expiresAtMs: number;
}

/**
 * Remembers a proof until it expires (1 write unit). It is one conditional write, so of calls that race with one
 * proof, one wins. DynamoDB TTL removes it.
 *
 * @returns false when the proof was used before (RFC 9449, section 11.1)
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

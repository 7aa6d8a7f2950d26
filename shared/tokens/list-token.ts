import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { AccessToken, TokenStore } from "./access-token.ts";
import { type HoldingStore, keepHoldings } from "./holdings.ts";

/** Adds a token to the lists of its client and user. */
export function keepTokenHoldings(store: HoldingStore, token: AccessToken): Promise<void> {
  return keepHoldings(store, {
    kind: "token",
    id: token.token_id,
    digest: token.token_digest,
    oauth_client_id: token.oauth_client_id,
    user_id: token.user_id,
    began_at: token.issued_at,
    expires_at: token.expires_at,
  });
}

/**
 * Adds a used token to the credential lists if it isn't listed yet: a token from another issuer, one that a server
 * wrote directly to the table, or one issued before the lists existed. If this fails, the token's next use tries again.
 */
export async function listTokenInUse(
  store: TokenStore & HoldingStore,
  token: AccessToken,
): Promise<void> {
  await keepTokenHoldings(store, token);
  await store.db
    .send(
      new UpdateCommand({
        TableName: store.tokensTable,
        Key: { token_digest: token.token_digest },
        UpdateExpression: "SET listed = :listed",
        ConditionExpression: "attribute_exists(token_digest)",
        ExpressionAttributeValues: { ":listed": true },
      }),
    )
    .catch((error: unknown) => {
      // The token isn't stored yet, or has been removed.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
}

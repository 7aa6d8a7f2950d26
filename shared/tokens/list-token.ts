import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { AccessToken, TokenStore } from "./access-token.ts";
import { type HoldingStore, keepHoldings } from "./holdings.ts";

/** Lists a token with its client and user. */
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
 * Lists a token in use that isn't listed yet: from another issuer, written to the table by a server itself,
 * or issued before the lists existed. If it fails, the next use tries again.
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

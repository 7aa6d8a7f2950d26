import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { toEpochSeconds } from "../core/clock.ts";
import {
  allShardKeys,
  computeShard,
  type DocumentClient,
  shardKey,
} from "../core/document-client.ts";
import type { AccessToken, TokenStore } from "./access-token.ts";

/** The DynamoDB table that lists credentials (tokens and sessions) by principal. */
export interface CredentialStore {
  readonly db: DocumentClient;
  readonly credentialsTable: string;
}

/** A principal: a user, a client, or one of this product's sessions, with its ID from events. */
export interface Principal {
  readonly kind: "user" | "client" | "session";
  readonly id: string;
}

/**
 * Partitions per client. A client needs several because it may be issued thousands of tokens per second. A user has
 * one.
 */
const CLIENT_SHARDS = 16;

/** A token or session in a principal's list. Its current state is in the token or session table. */
export const credentialSchema = z.object({
  principal: z.string(),
  /** Sort key: `token` or `session`, then expiry, then public ID. */
  credential_key: z.string(),
  kind: z.enum(["token", "session"]),
  /** Key in the token or session table. */
  digest: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  started_at: z.string(),
  expires_at: z.string(),
});

export type Credential = z.output<typeof credentialSchema>;

/** A credential to add to the lists. `id` is its public ID. */
export interface NewCredential {
  readonly kind: "token" | "session";
  readonly id: string;
  readonly digest: string;
  readonly oauth_client_id: string;
  readonly user_id?: string | undefined;
  readonly started_at: string;
  readonly expires_at: string;
}

const getPartitions = ({ kind, id }: Principal): string[] =>
  kind === "client" ? allShardKeys(`client#${id}`, CLIENT_SHARDS) : [`${kind}#${id}`];

/** Returns the queries for a principal's unexpired tokens or sessions, in order of expiry. */
export function buildCredentialQueries(
  store: CredentialStore,
  principal: Principal,
  kind: Credential["kind"],
  { now, startedBefore }: { readonly now: string; readonly startedBefore?: string | undefined },
) {
  return getPartitions(principal).map((partition) => ({
    TableName: store.credentialsTable,
    KeyConditionExpression: "principal = :principal AND credential_key BETWEEN :from AND :to",
    // Skip credentials that a revocation has already handled.
    FilterExpression: `attribute_not_exists(is_done)${startedBefore === undefined ? "" : " AND started_at < :before"}`,
    ExpressionAttributeValues: {
      ":principal": partition,
      ":from": `${kind}#${now}`,
      ":to": `${kind}#~`,
      ...(startedBefore !== undefined && { ":before": startedBefore }),
    },
    ConsistentRead: true,
  }));
}

/**
 * Adds a token or session to the lists of its client and user. Also lists a session under its own ID. Costs 1 write
 * unit per list.
 */
export async function storeCredential(
  store: CredentialStore,
  credential: NewCredential,
): Promise<void> {
  const { id, ...facts } = credential;
  const principals = [
    shardKey(
      `client#${credential.oauth_client_id}`,
      computeShard(credential.digest, CLIENT_SHARDS),
    ),
    ...(credential.user_id === undefined ? [] : [`user#${credential.user_id}`]),
    ...(credential.kind === "session" ? [`session#${id}`] : []),
  ];
  await Promise.all(
    principals.map((principal) =>
      store.db.send(
        new PutCommand({
          TableName: store.credentialsTable,
          Item: {
            ...facts,
            principal,
            credential_key: `${credential.kind}#${credential.expires_at}#${id}`,
            ttl_epoch_seconds: toEpochSeconds(Date.parse(credential.expires_at)),
          },
        }),
      ),
    ),
  );
}

/** Marks a credential as handled by a revocation, so that `buildCredentialQueries` no longer returns it. */
export async function markCredentialDone(
  store: CredentialStore,
  { principal, credential_key: credential }: Pick<Credential, "principal" | "credential_key">,
): Promise<void> {
  await store.db
    .send(
      new UpdateCommand({
        TableName: store.credentialsTable,
        Key: { principal, credential_key: credential },
        UpdateExpression: "SET is_done = :done",
        ConditionExpression: "attribute_exists(credential_key)",
        ExpressionAttributeValues: { ":done": true },
      }),
    )
    .catch((error: unknown) => {
      // The entry has expired and is already deleted.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
}

/** Adds a token to the lists of its client and user. */
export function storeTokenCredential(store: CredentialStore, token: AccessToken): Promise<void> {
  return storeCredential(store, {
    kind: "token",
    id: token.token_id,
    digest: token.token_digest,
    oauth_client_id: token.oauth_client_id,
    user_id: token.user_id,
    started_at: token.issued_at,
    expires_at: token.expires_at,
  });
}

/**
 * Adds a used token to the credential lists if it isn't listed yet: a token from another issuer, one that a server
 * wrote directly to the table, or one issued before the lists existed. If this fails, the token's next use tries again.
 */
export async function listTokenInUse(
  store: TokenStore & CredentialStore,
  token: AccessToken,
): Promise<void> {
  await storeTokenCredential(store, token);
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

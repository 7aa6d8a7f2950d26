import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { toEpochSeconds } from "../core/clock.ts";
import { allShardKeys, type DocumentClient, shardKey, shardOf } from "../core/document-client.ts";
import type { AccessToken, TokenStore } from "./access-token.ts";

/** The DynamoDB table that lists credentials (tokens and sessions) by principal. */
export interface HoldingStore {
  readonly db: DocumentClient;
  readonly holdingsTable: string;
}

/** A principal: a user, a client, or one of this product's sessions, with its ID from events. */
export interface Holder {
  readonly kind: "user" | "client" | "session";
  readonly id: string;
}

/**
 * Partitions per client. A client needs several because it may be issued thousands of tokens per second. A user has
 * one.
 */
const CLIENT_SHARDS = 16;

/** A token or session in a principal's list. Its current state is in the token or session table. */
export const holdingSchema = z.object({
  holder: z.string(),
  /** Sort key: `token` or `session`, then expiry, then public ID. */
  held: z.string(),
  kind: z.enum(["token", "session"]),
  /** Key in the token or session table. */
  digest: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  began_at: z.string(),
  expires_at: z.string(),
});

export type Holding = z.output<typeof holdingSchema>;

/** A credential to add to the lists. `id` is its public ID. */
export interface Held {
  readonly kind: "token" | "session";
  readonly id: string;
  readonly digest: string;
  readonly oauth_client_id: string;
  readonly user_id?: string | undefined;
  readonly began_at: string;
  readonly expires_at: string;
}

const partitionsOf = ({ kind, id }: Holder): string[] =>
  kind === "client" ? allShardKeys(`client#${id}`, CLIENT_SHARDS) : [`${kind}#${id}`];

/** Returns the queries for a principal's unexpired tokens or sessions, in order of expiry. */
export function holdingQueries(
  store: HoldingStore,
  holder: Holder,
  kind: Holding["kind"],
  { now, begunBefore }: { readonly now: string; readonly begunBefore?: string | undefined },
) {
  return partitionsOf(holder).map((partition) => ({
    TableName: store.holdingsTable,
    KeyConditionExpression: "holder = :holder AND held BETWEEN :from AND :to",
    // Skip credentials that a revocation has already handled.
    FilterExpression: `attribute_not_exists(is_done)${begunBefore === undefined ? "" : " AND began_at < :before"}`,
    ExpressionAttributeValues: {
      ":holder": partition,
      ":from": `${kind}#${now}`,
      ":to": `${kind}#~`,
      ...(begunBefore !== undefined && { ":before": begunBefore }),
    },
    ConsistentRead: true,
  }));
}

/**
 * Adds a token or session to the lists of its client and user. Also lists a session under its own ID. Costs 1 write
 * unit per list.
 */
export async function keepHoldings(store: HoldingStore, held: Held): Promise<void> {
  const { id, ...facts } = held;
  const holders = [
    shardKey(`client#${held.oauth_client_id}`, shardOf(held.digest, CLIENT_SHARDS)),
    ...(held.user_id === undefined ? [] : [`user#${held.user_id}`]),
    ...(held.kind === "session" ? [`session#${id}`] : []),
  ];
  await Promise.all(
    holders.map((holder) =>
      store.db.send(
        new PutCommand({
          TableName: store.holdingsTable,
          Item: {
            ...facts,
            holder,
            held: `${held.kind}#${held.expires_at}#${id}`,
            ttl_epoch_seconds: toEpochSeconds(Date.parse(held.expires_at)),
          },
        }),
      ),
    ),
  );
}

/** Marks a credential as handled by a revocation, so that `holdingQueries` no longer returns it. */
export async function markHoldingDone(
  store: HoldingStore,
  { holder, held }: Pick<Holding, "holder" | "held">,
): Promise<void> {
  await store.db
    .send(
      new UpdateCommand({
        TableName: store.holdingsTable,
        Key: { holder, held },
        UpdateExpression: "SET is_done = :done",
        ConditionExpression: "attribute_exists(held)",
        ExpressionAttributeValues: { ":done": true },
      }),
    )
    .catch((error: unknown) => {
      // The entry has expired and is already deleted.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
}

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

import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { toEpochSeconds } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import { allShardKeys, shardKey, shardOf } from "../core/shards.ts";

/** Where tokens and sessions are listed by whoever holds them. */
export interface HoldingStore {
  readonly db: DocumentClient;
  readonly holdingsTable: string;
}

/** A user, a client, or one of the product's own sessions, by the id in events. */
export interface Holder {
  readonly kind: "user" | "client" | "session";
  readonly id: string;
}

/** Partitions of a client, which may be issued thousands of tokens a second. A user has one partition. */
const CLIENT_SHARDS = 16;

/** A token or session in the list of a holder. What changes of it is in its own table. */
export const holdingSchema = z.object({
  holder: z.string(),
  /** `token` or `session`, when it expires, and its public id: in this order. */
  held: z.string(),
  kind: z.enum(["token", "session"]),
  /** The key in the table of tokens or sessions. */
  digest: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  began_at: z.string(),
  expires_at: z.string(),
});

export type Holding = z.output<typeof holdingSchema>;

/** What is held, by its public id. */
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

/** The Queries that list what a holder holds of a kind and has not expired, soonest to expire first. */
export function holdingQueries(
  store: HoldingStore,
  holder: Holder,
  kind: Holding["kind"],
  { now, begunBefore }: { readonly now: string; readonly begunBefore?: string | undefined },
) {
  return partitionsOf(holder).map((partition) => ({
    TableName: store.holdingsTable,
    KeyConditionExpression: "holder = :holder AND held BETWEEN :from AND :to",
    // What a revocation has dealt with.
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

/** Lists a token or session with its client and its user, and a session by itself (1 write unit each). */
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

/** Takes what a revocation has dealt with out of its holder's list. */
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
      // It has expired and is gone.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
}

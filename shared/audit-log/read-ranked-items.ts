import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { type RankedKind, rankingKey } from "./counter-keys.ts";
import type { CounterShards } from "./counter-shards.ts";
import type { StatisticsStore } from "./counter-store.ts";

/** Number of items to read from each shard of a ranking. */
const DEPTH = 200;

const subjectSchema = z.looseObject({ oauth_client_id: z.string(), value: z.string() });

/** A ranked subject and its counts by attribute (`n00` …). */
export interface RankedItem {
  readonly clientId: string;
  readonly value: string;
  readonly numbers: Readonly<Record<string, number>>;
  /** The counted events that are credential guesses, by the same attributes. */
  readonly credentialGuesses: Readonly<Record<string, number>>;
}

function toRankedItem(item: Record<string, unknown>): RankedItem {
  const { oauth_client_id, value } = subjectSchema.parse(item);
  const getNumbers = (field: "n" | "g") =>
    Object.fromEntries(
      Object.entries(item).filter(
        (entry): entry is [string, number] =>
          entry[0].startsWith(field) && /^[ng]\d\d$/.test(entry[0]) && typeof entry[1] === "number",
      ),
    );
  return {
    clientId: oauth_client_id,
    value,
    numbers: getNumbers("n"),
    credentialGuesses: getNumbers("g"),
  };
}

/**
 * Reads the top 200 items from each shard of a ranking. Given a client, it returns only that client's items from the
 * first megabyte of each shard.
 *
 * @param period a day (`2026-11-23`) or an hour (`2026-11-23T10`)
 */
export async function readRankedItems(
  store: StatisticsStore,
  kind: RankedKind,
  period: string,
  shards: CounterShards,
  clientId?: string,
): Promise<RankedItem[]> {
  const pages = await Promise.all(
    Array.from({ length: shards(period) }, (_, shard) =>
      store.db.send(
        new QueryCommand({
          TableName: store.countersTable,
          IndexName: "by_total",
          KeyConditionExpression: "ranking = :ranking",
          ExpressionAttributeValues: {
            ":ranking": rankingKey(kind, period, shard),
            ...(clientId !== undefined && { ":client": clientId }),
          },
          ...(clientId === undefined
            ? { Limit: DEPTH }
            : { FilterExpression: "oauth_client_id = :client" }),
          ScanIndexForward: false,
        }),
      ),
    ),
  );
  return pages.flatMap(({ Items = [] }) => Items.map(toRankedItem));
}

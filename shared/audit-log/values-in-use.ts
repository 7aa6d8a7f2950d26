import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, HOUR_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { batchGetAll, queryAll } from "../core/document-client.ts";
import type { StatisticsStore } from "./counter-store.ts";

/**
 * Values that readers need to find partitions: the retention periods of stored events, the lifetimes of counted tokens,
 * the users who used a token, and each day's counter shard counts. Writers register a value before they first use it.
 */
export type ValueKind =
  | "retention_days"
  | "token_lifetime"
  | `token_user/${string}`
  | `counter_shards/${string}`;

/** Returns the kind under which a token's users are registered. */
export function userOfToken(tokenId: string): ValueKind {
  return `token_user/${tokenId}`;
}

/** A value in use until at least `untilMs` (epoch milliseconds). */
export interface ValueInUse {
  readonly kind: ValueKind;
  readonly value: string;
  readonly untilMs: number;
}

/** The last day for which ISO timestamps sort as text. Some issuers use it to mean "never". */
const LAST_DAY_MS = Date.parse("9999-12-31T00:00:00.000Z");

/** Values that this process has registered, and when each ends, in epoch milliseconds. */
export type RegisteredValues = Map<string, number>;

/**
 * Remembers for up to an hour which values this process has registered. If a table is restored or emptied, running
 * processes therefore register their values again within an hour.
 *
 * Cost: half a read unit per hour for each value in use.
 */
export class RegistrationMemory {
  readonly #values: RegisteredValues = new Map();
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Returns the values remembered at `nowMs` (epoch milliseconds). */
  at(nowMs: number): RegisteredValues {
    if (nowMs - this.#sinceMs >= HOUR_MS) {
      this.#values.clear();
      this.#sinceMs = nowMs;
    }
    return this.#values;
  }
}

/** Maximum number of remembered values. Each forgotten value costs one read. */
const MAX_REMEMBERED = 50_000;

const getKey = ({ kind, value }: ValueInUse) => ({ pk: `in-use/${kind}`, sk: value });
const getName = ({ pk, sk }: { pk: string; sk: string }) => `${pk}\n${sk}`;

/** Rounds up to days, so that a value is written at most once a day. */
const roundUp = (untilMs: number) =>
  Math.min((Math.floor(untilMs / DAY_MS) + 2) * DAY_MS, LAST_DAY_MS);

/** Remembers a value, and forgets the oldest values if there are too many. */
export function rememberValue(registered: RegisteredValues, name: string, untilMs: number): void {
  registered.delete(name);
  registered.set(name, untilMs);
  for (const oldest of registered.keys()) {
    if (registered.size <= MAX_REMEMBERED) break;
    registered.delete(oldest);
  }
}

/** Stores when a value ends, unless a later end is already stored. */
async function register(store: StatisticsStore, value: ValueInUse): Promise<void> {
  const untilMs = roundUp(value.untilMs);
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.countersTable,
        Key: getKey(value),
        UpdateExpression: "SET in_use_until = :until, ttl_epoch_seconds = :ttl",
        ConditionExpression: "attribute_not_exists(in_use_until) OR in_use_until < :until",
        ExpressionAttributeValues: {
          ":until": toInstant(untilMs),
          ":ttl": toEpochSeconds(untilMs + store.config.retention.statisticsDays * DAY_MS),
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

/**
 * Registers values as in use. Registering a value again with the same or an earlier end changes nothing.
 *
 * Cost: half a read unit for each value that this process doesn't remember, and one write unit for each value that
 * wasn't registered today.
 */
export async function registerValues(
  store: StatisticsStore,
  registered: RegisteredValues,
  values: readonly ValueInUse[],
): Promise<void> {
  const waiting = new Map<string, ValueInUse>();
  for (const value of values) {
    const name = getName(getKey(value));
    const untilMs = Math.min(value.untilMs, LAST_DAY_MS);
    const knownMs = Math.max(registered.get(name) ?? 0, waiting.get(name)?.untilMs ?? 0);
    if (knownMs < untilMs) waiting.set(name, { ...value, untilMs });
  }
  if (waiting.size === 0) return;
  const found = await batchGetAll(store.db, store.countersTable, [...waiting.values()].map(getKey));
  for (const { pk, sk, in_use_until } of found) {
    const name = getName({ pk: String(pk), sk: String(sk) });
    const untilMs = Date.parse(String(in_use_until));
    if (untilMs < (waiting.get(name)?.untilMs ?? 0)) continue;
    rememberValue(registered, name, untilMs);
    waiting.delete(name);
  }
  await Promise.all(
    [...waiting].map(async ([name, value]) => {
      await register(store, value);
      rememberValue(registered, name, roundUp(value.untilMs));
    }),
  );
}

/** Returns the values in use at or after `sinceMs`. Defaults to all registered values. */
export async function valuesInUse(
  store: Pick<StatisticsStore, "db" | "countersTable">,
  kind: ValueKind,
  sinceMs = 0,
): Promise<string[]> {
  const items = await queryAll(store.db, {
    TableName: store.countersTable,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": `in-use/${kind}` },
    ConsistentRead: true,
  });
  const since = toInstant(sinceMs);
  return items.filter((item) => String(item.in_use_until) >= since).map((item) => String(item.sk));
}

import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { clientAgents } from "../audit-log/first-agents.ts";
import { DAY_MS, SECOND_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import type { KnownNetwork } from "./rules/detection-snapshot.ts";

/** Days without use after which a client's network is forgotten. */
const REMEMBERED_DAYS = 90;

/** Maximum networks, and user agents, to read per client. If a client has more, none is considered typical. */
const MAX_PER_CLIENT = 50;

const networkSchema = z.object({
  sk: z.string(),
  first_seen_at: z.string(),
  raised: z.boolean(),
  ttl_epoch_seconds: z.number(),
});

const partition = (clientId: string) => `known-networks/${clientId}`;

/** Returns the networks or operators that a client was seen from, oldest first. Cost: one Query. */
export async function findKnownNetworks(
  store: StatisticsStore,
  clientId: string,
  nowMs: number,
): Promise<KnownNetwork[]> {
  const { Items = [] } = await store.db.send(
    new QueryCommand({
      TableName: store.countersTable,
      KeyConditionExpression: "pk = :pk",
      FilterExpression: "ttl_epoch_seconds > :now",
      ExpressionAttributeValues: { ":pk": partition(clientId), ":now": toEpochSeconds(nowMs) },
      Limit: MAX_PER_CLIENT,
      // Reads operators first. Otherwise, a cloud's many older networks could use up the limit.
      ScanIndexForward: false,
    }),
  );
  return Items.map((item) => networkSchema.parse(item))
    .map(({ sk, first_seen_at, raised, ttl_epoch_seconds }) => ({
      network: sk,
      firstSeenAt: first_seen_at,
      lastSeenAt: toInstant(ttl_epoch_seconds * SECOND_MS - REMEMBERED_DAYS * DAY_MS),
      raised,
    }))
    .sort((a, b) => a.firstSeenAt.localeCompare(b.firstSeenAt));
}

/** A network that a client was used from, or the network's operator if known. */
export interface SeenNetwork {
  readonly network: string;
  readonly seenMs: number;
  /** Whether an anomaly was raised about the network. */
  readonly raised: boolean;
}

/** Stores that a client was seen in a network. Writes at most once per day and network. */
export async function rememberNetwork(
  store: StatisticsStore,
  clientId: string,
  { network, seenMs, raised }: SeenNetwork,
): Promise<void> {
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.countersTable,
        Key: { pk: partition(clientId), sk: network },
        UpdateExpression:
          "SET first_seen_at = if_not_exists(first_seen_at, :seen), raised = if_not_exists(raised, :raised), ttl_epoch_seconds = :ttl",
        ConditionExpression:
          "attribute_not_exists(ttl_epoch_seconds) OR ttl_epoch_seconds < :yesterday",
        ExpressionAttributeValues: {
          ":seen": toInstant(seenMs),
          ":raised": raised,
          ":ttl": toEpochSeconds(seenMs + REMEMBERED_DAYS * DAY_MS),
          ":yesterday": toEpochSeconds(seenMs + (REMEMBERED_DAYS - 1) * DAY_MS),
        },
      }),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

const agentSchema = z.object({ first_agent: z.string(), first_seen_ms: z.number() });

/** Returns a client's user agents and when each was first seen, in epoch milliseconds. Cost: one Query. */
export async function findClientAgents(
  store: StatisticsStore,
  clientId: string,
  nowMs: number,
): Promise<Map<string, number>> {
  const { Items = [] } = await store.db.send(
    new QueryCommand({
      TableName: store.countersTable,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": clientAgents(clientId) },
      Limit: MAX_PER_CLIENT,
    }),
  );
  return new Map(
    Items.map((item) => agentSchema.parse(item))
      .filter(({ first_seen_ms }) => first_seen_ms < nowMs)
      .map(({ first_agent, first_seen_ms }) => [first_agent, first_seen_ms]),
  );
}

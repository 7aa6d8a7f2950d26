import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { StatisticsStore } from "../audit-log/counter-store.ts";
import { clientAgents } from "../audit-log/first-agents.ts";

/** Maximum user agents to read per client. If a client has more, none is considered typical. */
const MOST = 50;

const itemSchema = z.object({ first_agent: z.string(), first_seen_ms: z.number() });

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
      Limit: MOST,
    }),
  );
  return new Map(
    Items.map((item) => itemSchema.parse(item))
      .filter(({ first_seen_ms }) => first_seen_ms < nowMs)
      .map(({ first_agent, first_seen_ms }) => [first_agent, first_seen_ms]),
  );
}

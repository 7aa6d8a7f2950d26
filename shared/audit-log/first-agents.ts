import { batchGetAll } from "../core/batch-get-all.ts";
import { HOUR_MS } from "../core/clock.ts";
import { type OAuthEvent, tokenIdOf } from "../events/oauth-event.ts";
import { agentOf } from "../events/user-agent.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { enterFirst } from "./enter-first.ts";
import { type EnteredValues, rememberValue } from "./values-in-use.ts";

/** Novelty of a use's user agent. */
export interface AgentNews {
  /** Whether another user agent used the token or session first. */
  readonly isChanged: boolean;
  /** Whether the client, which has no user, first used the user agent within the last hour. */
  readonly isNewToClient: boolean;
}

/** The first user agent of a token, session or client. */
interface FirstAgent {
  readonly pk: string;
  readonly sk: string;
  readonly agent: string;
  readonly atMs: number;
  readonly keepDays: number;
}

const TOKEN_DAYS = 30;
const CLIENT_DAYS = 400;
const NEW_FOR_MS = HOUR_MS;

const nameOf = ({ pk, sk }: { readonly pk: string; readonly sk: string }) => `${pk}\n${sk}`;

/** Returns the items of the use's token and session. The sort key is constant, so only the first user agent is kept. */
function holdersOf(event: OAuthEvent, agent: string): FirstAgent[] {
  const atMs = Date.parse(event.occurred_at);
  const { session_id } = event.event_data;
  const named = [
    ["token", tokenIdOf(event)],
    ["session", session_id],
  ] as const;
  return named.flatMap(([kind, id]) =>
    typeof id === "string" && id !== "" && id.length <= 256
      ? [{ pk: `first-agent/${kind}/${id}`, sk: "-", agent, atMs, keepDays: TOKEN_DAYS }]
      : [],
  );
}

/** Returns the item of the client and user agent, if there is no user. */
function clientOf(event: OAuthEvent, agent: string): FirstAgent[] {
  const { oauth_client_id, user_id } = event;
  if (oauth_client_id === undefined || user_id !== undefined) return [];
  const atMs = Date.parse(event.occurred_at);
  return [{ pk: clientAgents(oauth_client_id), sk: agent, agent, atMs, keepDays: CLIENT_DAYS }];
}

/** Returns the partition of a client's user agents. */
export function clientAgents(clientId: string): string {
  return `first-agent/client/${clientId}`;
}

const enter = (store: StatisticsStore, { pk, sk, agent, atMs, keepDays }: FirstAgent) =>
  enterFirst(store, { pk, sk }, { attribute: "first_agent", value: agent, atMs, keepDays });

/**
 * Stores which user agent first used each token, session and client, and returns the novelty of each use by event id.
 * Idempotent.
 *
 * Cost: half a read unit and a write unit at the first use of each token and session, and of each user agent of a
 * client; half a read unit if this process doesn't remember it.
 */
export async function enterAgents(
  store: StatisticsStore,
  entered: EnteredValues,
  events: readonly OAuthEvent[],
): Promise<ReadonlyMap<string, AgentNews>> {
  const uses = events
    .filter(({ event_type }) => event_type === "token_used")
    .sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : Number(a.occurred_at > b.occurred_at)))
    .flatMap((event) => {
      const agent = agentOf(event.event_data.user_agent);
      if (agent === undefined) return [];
      return [{ event, agent, holders: holdersOf(event, agent), clients: clientOf(event, agent) }];
    });
  /** First user agent and its time, by name. */
  const known = new Map<string, { readonly agent: string; readonly atMs: number }>();
  const waiting = new Map<string, FirstAgent>();
  for (const { holders, clients } of uses) {
    for (const first of [...holders, ...clients]) {
      const name = nameOf(first);
      if (entered.has(`${name}\n${first.agent}`)) continue;
      if (!waiting.has(name)) waiting.set(name, first);
    }
  }
  if (waiting.size > 0) {
    const keys = [...waiting.values()].map(({ pk, sk }) => ({ pk, sk }));
    for (const item of await batchGetAll(store.db, store.countersTable, keys)) {
      const name = nameOf({ pk: String(item.pk), sk: String(item.sk) });
      known.set(name, { agent: String(item.first_agent), atMs: Number(item.first_seen_ms) });
    }
    const missing = [...waiting].filter(([name]) => !known.has(name));
    await Promise.all(missing.map(([, first]) => enter(store, first)));
    for (const [name, { agent, atMs }] of missing) known.set(name, { agent, atMs });
  }
  const firstOf = (first: FirstAgent) => {
    const name = nameOf(first);
    const remembered = entered.get(`${name}\n${first.agent}`);
    if (remembered !== undefined) return { agent: first.agent, atMs: remembered };
    return known.get(name);
  };
  const news = new Map<string, AgentNews>();
  for (const { event, agent, holders, clients } of uses) {
    const isChanged = holders.some((holder) => {
      const first = firstOf(holder);
      return first !== undefined && first.agent !== agent;
    });
    const isNewToClient = clients.some((client) => {
      const first = firstOf(client);
      return first !== undefined && Math.abs(client.atMs - first.atMs) < NEW_FOR_MS;
    });
    news.set(event.id, { isChanged, isNewToClient });
  }
  for (const [name, { agent, atMs }] of known) rememberValue(entered, `${name}\n${agent}`, atMs);
  return news;
}

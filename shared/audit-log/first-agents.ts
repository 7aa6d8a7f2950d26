import { batchGetAll } from "../core/batch-get-all.ts";
import { HOUR_MS } from "../core/clock.ts";
import { type OAuthEvent, tokenIdOf } from "../events/oauth-event.ts";
import { agentOf } from "../events/user-agent.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { enterFirst } from "./enter-first.ts";
import { type EnteredValues, rememberValue } from "./values-in-use.ts";

/** What a use says against those before it. */
export interface AgentNews {
  /** The token, or the session, was first used by another user agent. */
  readonly isChanged: boolean;
  /** The client, which acts for no user, was never used by the user agent until an hour before. */
  readonly isNewToClient: boolean;
}

/** Who used something first. */
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

/** The token and the session of a use; the sort key is the same for all, so that the first stays. */
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

/** A client that acts for no user has an item for each user agent. */
function clientOf(event: OAuthEvent, agent: string): FirstAgent[] {
  const { oauth_client_id, user_id } = event;
  if (oauth_client_id === undefined || user_id !== undefined) return [];
  const atMs = Date.parse(event.occurred_at);
  return [{ pk: clientAgents(oauth_client_id), sk: agent, agent, atMs, keepDays: CLIENT_DAYS }];
}

/** The partition of the user agents of a client. */
export function clientAgents(clientId: string): string {
  return `first-agent/client/${clientId}`;
}

const enter = (store: StatisticsStore, { pk, sk, agent, atMs, keepDays }: FirstAgent) =>
  enterFirst(store, { pk, sk }, { attribute: "first_agent", value: agent, atMs, keepDays });

/**
 * Remembers which user agent first used each token, session and client, and says of each event of a use what is
 * new about it. Repeating it gives the same answer.
 *
 * Cost: half a read unit and a write unit for each token and session, and for each user agent of a client, at its
 * first use; half a read unit where this process does not remember it.
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
  /** By name, the first user agent and its first time. */
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

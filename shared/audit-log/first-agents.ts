import { HOUR_MS } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import { getTokenId, type OAuthEvent } from "../events/oauth-event.ts";
import { parseAgent } from "../events/user-agent.ts";
import type { StatisticsStore } from "./counter-store.ts";
import { registerFirst } from "./register-first.ts";
import { type RegisteredValues, rememberValue } from "./values-in-use.ts";

/** Whether a token use came from a new user agent. */
export interface AgentNovelty {
  /** Whether a different user agent was the first to use the token or session. */
  readonly isChanged: boolean;
  /** For a use without a user: whether the client first used this user agent within the last hour. */
  readonly isNewToClient: boolean;
}

/** The first use of a token or session, or of a user agent by a client. */
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

const getName = ({ pk, sk }: { readonly pk: string; readonly sk: string }) => `${pk}\n${sk}`;

/**
 * Returns the items for the token and session that were used. Their sort key is constant, so only the first user agent
 * is stored.
 */
function getPrincipalAgents(event: OAuthEvent, agent: string): FirstAgent[] {
  const atMs = Date.parse(event.occurred_at);
  const { session_id } = event.event_data;
  const named = [
    ["token", getTokenId(event)],
    ["session", session_id],
  ] as const;
  return named.flatMap(([kind, id]) =>
    typeof id === "string" && id !== "" && id.length <= 256
      ? [{ pk: `first-agent/${kind}/${id}`, sk: "-", agent, atMs, keepDays: TOKEN_DAYS }]
      : [],
  );
}

/** Returns the item for the client and user agent if the use has no user. */
function getClient(event: OAuthEvent, agent: string): FirstAgent[] {
  const { oauth_client_id, user_id } = event;
  if (oauth_client_id === undefined || user_id !== undefined) return [];
  const atMs = Date.parse(event.occurred_at);
  return [{ pk: clientAgents(oauth_client_id), sk: agent, agent, atMs, keepDays: CLIENT_DAYS }];
}

/** Returns the partition that stores a client's user agents. */
export function clientAgents(clientId: string): string {
  return `first-agent/client/${clientId}`;
}

const register = (store: StatisticsStore, { pk, sk, agent, atMs, keepDays }: FirstAgent) =>
  registerFirst(store, { pk, sk }, { attribute: "first_agent", value: agent, atMs, keepDays });

/**
 * Stores the first user agent of each token and session, and each client's user agents. Returns what is new about each
 * use, by event id. Idempotent.
 *
 * Cost: half a read unit and one write unit for the first use of each token and session, and for each new user agent of
 * a client. Half a read unit for each of these that this process doesn't remember.
 */
export async function registerAgents(
  store: StatisticsStore,
  registered: RegisteredValues,
  events: readonly OAuthEvent[],
): Promise<ReadonlyMap<string, AgentNovelty>> {
  const uses = events
    .filter(({ event_type }) => event_type === "token_used")
    .sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : Number(a.occurred_at > b.occurred_at)))
    .flatMap((event) => {
      const agent = parseAgent(event.event_data.user_agent);
      if (agent === undefined) return [];
      return [
        {
          event,
          agent,
          principals: getPrincipalAgents(event, agent),
          clients: getClient(event, agent),
        },
      ];
    });
  /** First user agent, and when it was first seen, by item name. */
  const known = new Map<string, { readonly agent: string; readonly atMs: number }>();
  const waiting = new Map<string, FirstAgent>();
  for (const { principals, clients } of uses) {
    for (const first of [...principals, ...clients]) {
      const name = getName(first);
      if (registered.has(`${name}\n${first.agent}`)) continue;
      if (!waiting.has(name)) waiting.set(name, first);
    }
  }
  if (waiting.size > 0) {
    const keys = [...waiting.values()].map(({ pk, sk }) => ({ pk, sk }));
    for (const item of await batchGetAll(store.db, store.countersTable, keys)) {
      const name = getName({ pk: String(item.pk), sk: String(item.sk) });
      known.set(name, { agent: String(item.first_agent), atMs: Number(item.first_seen_ms) });
    }
    const missing = [...waiting].filter(([name]) => !known.has(name));
    await Promise.all(missing.map(([, first]) => register(store, first)));
    for (const [name, { agent, atMs }] of missing) known.set(name, { agent, atMs });
  }
  const findFirst = (first: FirstAgent) => {
    const name = getName(first);
    const remembered = registered.get(`${name}\n${first.agent}`);
    if (remembered !== undefined) return { agent: first.agent, atMs: remembered };
    return known.get(name);
  };
  const novelty = new Map<string, AgentNovelty>();
  for (const { event, agent, principals, clients } of uses) {
    const isChanged = principals.some((principal) => {
      const first = findFirst(principal);
      return first !== undefined && first.agent !== agent;
    });
    const isNewToClient = clients.some((client) => {
      const first = findFirst(client);
      return first !== undefined && Math.abs(client.atMs - first.atMs) < NEW_FOR_MS;
    });
    novelty.set(event.id, { isChanged, isNewToClient });
  }
  for (const [name, { agent, atMs }] of known) rememberValue(registered, `${name}\n${agent}`, atMs);
  return novelty;
}

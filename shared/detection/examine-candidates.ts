import type { EventFilters } from "../audit-log/event-index.ts";
import { type QueryContext, queryEvents } from "../audit-log/query-events.ts";
import { DAY_MS } from "../core/clock.ts";
import { MAX_EVENTS_BEFORE, MAX_RECENT_EVENTS, RECENT_MS } from "./rules/detection-snapshot.ts";
import { type SeenEvent, toSeenEvent } from "./rules/seen-event.ts";

/**
 * Reads a subject's newest events from the last two hours, and from before that. These are separate Queries, so a
 * recent flood of events doesn't hide earlier habits.
 */
async function examine(
  context: QueryContext,
  filters: EventFilters,
  nowMs: number,
  sinceMs: number,
): Promise<SeenEvent[]> {
  const recentMs = nowMs - RECENT_MS;
  const [recent, before] = await Promise.all([
    queryEvents(context, { ...filters, fromMs: recentMs, toMs: nowMs, limit: MAX_RECENT_EVENTS }),
    queryEvents(context, {
      ...filters,
      fromMs: sinceMs,
      toMs: recentMs,
      limit: MAX_EVENTS_BEFORE,
    }),
  ]);
  return [...recent.events, ...before.events].map(toSeenEvent).reverse();
}

/** Maximum number of candidates read concurrently. */
const AT_ONCE = 8;

async function examineEach(
  names: readonly string[],
  read: (name: string) => Promise<SeenEvent[]>,
): Promise<Map<string, readonly SeenEvent[]>> {
  const found = new Map<string, readonly SeenEvent[]>();
  const waiting = [...new Set(names)];
  const next = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      found.set(name, await read(name));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return found;
}

/** Days of history to read for users and tokens. Long enough to include a monthly job. */
const PRINCIPAL_LOOKBACK_DAYS = 40;

/**
 * Reads the most recent events of users and tokens, oldest first: at most 450 for each user or token.
 *
 * @param principals `user:…` or `token:…`
 */
export function examinePrincipals(
  context: QueryContext,
  principals: readonly string[],
  nowMs: number,
) {
  return examineEach(principals, (principal) => {
    const colon = principal.indexOf(":");
    const id = principal.slice(colon + 1);
    const filters = principal.slice(0, colon) === "user" ? { userId: id } : { tokenId: id };
    return examine(context, filters, nowMs, nowMs - PRINCIPAL_LOOKBACK_DAYS * DAY_MS);
  });
}

/** Reads the last day's most recent events for each address, oldest first. */
export function examineAddresses(context: QueryContext, ips: readonly string[], nowMs: number) {
  return examineEach(ips, (ip) => examine(context, { ip }, nowMs, nowMs - DAY_MS));
}

/** Reads the last week's most recent events for each client, oldest first. */
export function examineClients(context: QueryContext, clients: readonly string[], nowMs: number) {
  return examineEach(clients, (clientId) =>
    examine(context, { clientId }, nowMs, nowMs - 7 * DAY_MS),
  );
}

/** Reads the most recent events of a type since `fromMs`, oldest first: at most fifty. */
export async function examineEventType(
  context: QueryContext,
  type: string,
  fromMs: number,
  nowMs: number,
): Promise<SeenEvent[]> {
  const { events } = await queryEvents(context, { type, fromMs, toMs: nowMs, limit: 50 });
  return events.map(toSeenEvent).reverse();
}

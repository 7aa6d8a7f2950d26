import { type QueryContext, queryEvents } from "../audit-log/query-events.ts";
import { DAY_MS } from "../core/clock.ts";
import { isOtherFamily, summariseHabits } from "./rules/party.ts";
import { type SeenEvent, toSeenEvent } from "./rules/seen-event.ts";

/**
 * Maximum number of sign-ins per run for which the user's earlier events are read. `LATEST` is the number of events
 * read per user.
 */
const MAX_REVIEWED = 10;
const LATEST = 20;
/** Maximum number of users that become candidates. */
const MAX_STRANGE = 5;
const BEFORE_DAYS = 40;

/** Whether the user agent is a script. Users rarely sign in with a script, but thieves do. */
const isScript = ({ agent = "" }: SeenEvent) => !agent.includes(" on ");

/**
 * Returns one sign-in per user from a known network. Scripts come first, then sign-ins from the networks with the
 * fewest sign-ins.
 */
export function selectSignIns(events: readonly SeenEvent[]): SeenEvent[] {
  const known = events.filter(
    ({ userId, network }) => userId !== undefined && network !== undefined,
  );
  const inNetwork = new Map<string | undefined, number>();
  for (const { network } of known) inNetwork.set(network, (inNetwork.get(network) ?? 0) + 1);
  const first = new Map(known.toReversed().map((each) => [each.userId, each]));
  return [...first.values()]
    .sort(
      (a, b) =>
        Number(isScript(b)) - Number(isScript(a)) ||
        (inNetwork.get(a.network) ?? 0) - (inNetwork.get(b.network) ?? 0),
    )
    .slice(0, MAX_REVIEWED);
}

/** Whether neither the network nor the user agent of a sign-in appears in the user's most recent events. */
export function isStrangeSignIn(signIn: SeenEvent, before: readonly SeenEvent[]): boolean {
  const habits = summariseHabits(before);
  return (
    habits.events > 0 &&
    !habits.networks.has(signIn.network ?? "") &&
    signIn.agent !== undefined &&
    !habits.agents.has(signIn.agent) &&
    !isOtherFamily(signIn, habits)
  );
}

/**
 * Returns users, as `user:…`, who signed in with a new user agent and from a network that is new to them. Counters
 * don't reveal these users, because a new session doesn't change an existing one.
 *
 * Cost: twenty events for each of at most ten sign-ins.
 */
export async function strangeSignIns(
  context: QueryContext,
  events: readonly SeenEvent[],
): Promise<string[]> {
  const strange = await Promise.all(
    selectSignIns(events).map(async (signIn) => {
      const { userId, atMs } = signIn;
      const { events: before } = await queryEvents(context, {
        userId,
        fromMs: atMs - BEFORE_DAYS * DAY_MS,
        toMs: atMs,
        limit: LATEST,
      });
      return isStrangeSignIn(signIn, before.map(toSeenEvent)) ? [`user:${userId}`] : [];
    }),
  );
  return strange.flat().slice(0, MAX_STRANGE);
}

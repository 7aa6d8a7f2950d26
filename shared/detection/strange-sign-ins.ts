import { type QueryContext, queryEvents } from "../audit-log/query-events.ts";
import { DAY_MS } from "../core/clock.ts";
import { habitsOf, isOtherFamily } from "./rules/party.ts";
import { type SeenEvent, toSeenEvent } from "./rules/seen-event.ts";

/** Sign-ins of which a run asks what the user did before, and so many of the user's latest events. */
const MOST_ASKED = 10;
const LATEST = 20;
/** Users who are looked at as a whole. */
const MOST_STRANGE = 5;
const BEFORE_DAYS = 40;

/** A script signs in for nobody, or for a thief. */
const isScript = ({ agent = "" }: SeenEvent) => !agent.includes(" on ");

/** Sign-ins that say where they came from, one for each user: scripts first, then those of networks with the fewest. */
export function askedSignIns(events: readonly SeenEvent[]): SeenEvent[] {
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
    .slice(0, MOST_ASKED);
}

/** Whether neither the network nor the user agent of a sign-in is among the user's latest events. */
export function isStrangeSignIn(signIn: SeenEvent, before: readonly SeenEvent[]): boolean {
  const habits = habitsOf(before);
  return (
    habits.events > 0 &&
    !habits.networks.has(signIn.network ?? "") &&
    signIn.agent !== undefined &&
    !habits.agents.has(signIn.agent) &&
    !isOtherFamily(signIn, habits)
  );
}

/**
 * Users who signed in by a program and from a network that are new to them, as `user:…`. No counter names them, because
 * a session of their own changes nothing of another one.
 *
 * Cost: of at most ten sign-ins, twenty events each.
 */
export async function strangeSignIns(
  context: QueryContext,
  events: readonly SeenEvent[],
): Promise<string[]> {
  const strange = await Promise.all(
    askedSignIns(events).map(async (signIn) => {
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
  return strange.flat().slice(0, MOST_STRANGE);
}

import { DAY_MS, MINUTE_MS } from "../../core/clock.ts";
import { isElsewhere, type KnownPlaces, knownPlaces, setOf } from "./origin-news.ts";
import { isSuccess, type SeenEvent, templateOf } from "./seen-event.ts";

/** Uses of a holder's access by one network and user agent, and what is new about them. */
export interface Party {
  readonly network: string | undefined;
  readonly agent: string | undefined;
  readonly ips: readonly string[];
  /** Its uses, earliest first. */
  readonly uses: readonly SeenEvent[];
  readonly tokenIds: readonly string[];
  /**
   * The network, the address or the user agent was not seen with the holder before. Another network of an operator
   * of the holder's is not new.
   */
  readonly isNewNetwork: boolean;
  readonly isNewIp: boolean;
  readonly isNewAgent: boolean;
  /** A token or session that somebody else held: first seen with another network or user agent. */
  readonly hasOthersToken: boolean;
  /** The user agents that used the token or session before. */
  readonly othersAgents: ReadonlySet<string>;
  /** The others used it by IPv4 and this party by IPv6, or the other way round: one machine may do both. */
  readonly isOtherFamily: boolean;
  /** What is usual for the holder. */
  readonly habits: Habits;
  /** How often the token went from this party to another one and back within half an hour. */
  readonly alternations: number;
  /** Endpoints that the holder never called before, without their resources. */
  readonly newEndpoints: readonly string[];
  /** The most calls in ten minutes, and that of the holder before. */
  readonly rate: number;
  readonly usualRate: number;
}

/** What the holder did before a party came. */
export interface Habits extends KnownPlaces {
  readonly events: number;
  readonly days: number;
  readonly places: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
}

const BACK_WITHIN_MS = 30 * MINUTE_MS;
const RATE_WINDOW_MS = 10 * MINUTE_MS;

const isIpv6 = (ip: string | undefined) => ip?.includes(":") === true;

/** Where a call came from: an IPv4 address, or the network of an IPv6 address, which machines change by themselves. */
function placeOf({ ip, network }: SeenEvent): string | undefined {
  return isIpv6(ip) ? network : ip;
}

/** What is usual for the holder of the events. */
export function habitsOf(before: readonly SeenEvent[]): Habits {
  const known = before.filter(isSuccess);
  return {
    events: known.length,
    days: new Set(known.map(({ atMs }) => Math.floor(atMs / DAY_MS))).size,
    ...knownPlaces(known),
    places: setOf(known.map(placeOf)),
    agents: setOf(known.map(({ agent }) => agent)),
  };
}

/**
 * The addresses of some events at which the holder never was. Only they tell a story of their own: at a holder's usual
 * address there may be many others, of an office or a carrier.
 */
export function strangeAddresses(
  events: readonly SeenEvent[],
  { places }: Habits,
): { readonly kind: "ip"; readonly id: string }[] {
  const strange = events.filter((event) => !places.has(placeOf(event) ?? ""));
  return [...setOf(strange.map(({ ip }) => ip))].map((id) => ({ kind: "ip", id }));
}

/** Whether an event came by a user agent that is new to the holder. Of a holder without any that is known, none is new. */
export function hasNewAgent({ agents }: Habits, { agent }: Pick<SeenEvent, "agent">): boolean {
  return agent !== undefined && agents.size > 0 && !agents.has(agent);
}

/** Whether the holder was only ever seen by IPv4 and is now by IPv6, or the other way round: one machine may do both. */
export function isOtherFamily({ ip }: SeenEvent, { places }: Habits): boolean {
  const families = [...places].map((place) => place.includes(":"));
  return families.length > 0 && !families.includes(isIpv6(ip));
}

/** The most events within ten minutes. */
export function rateOf(events: readonly SeenEvent[]): number {
  let most = 0;
  let start = 0;
  for (let end = 0; end < events.length; end += 1) {
    const endMs = events[end]?.atMs ?? 0;
    while (endMs - (events[start]?.atMs ?? 0) > RATE_WINDOW_MS) start += 1;
    most = Math.max(most, end - start + 1);
  }
  return most;
}

/** How often the uses leave a party and come back to it soon. */
export function alternationsOf(
  uses: readonly SeenEvent[],
  isOf: (use: SeenEvent) => boolean,
): number {
  let count = 0;
  let inside = false;
  let leftMs = Number.NEGATIVE_INFINITY;
  for (const use of uses) {
    const now = isOf(use);
    if (now !== inside) {
      if (use.atMs - leftMs <= BACK_WITHIN_MS) count += 1;
      leftMs = use.atMs;
    }
    inside = now;
  }
  return count;
}

const isKeyOf = (one: SeenEvent, other: SeenEvent) =>
  (one.tokenId !== undefined && one.tokenId === other.tokenId) ||
  (one.sessionId !== undefined && one.sessionId === other.sessionId);

/**
 * The parties that first used a holder's access since `fromMs` and differ from what came before them in network, address
 * or user agent.
 *
 * @param events the holder's events, earliest first
 * @param isSignInNews whether a sign-in by which a party came, within the time, is part of the party and no habit
 */
export function newParties(
  events: readonly SeenEvent[],
  fromMs: number,
  { isSignInNews = false } = {},
): Party[] {
  const uses = events.filter(({ type }) => type === "token_used");
  const groups = new Map<string, SeenEvent[]>();
  for (const use of uses) {
    const key = `${placeOf(use) ?? ""} ${use.agent ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), use]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const last = group.at(-1);
    if (!first || !last || first.atMs < fromMs) return [];
    const tokenIds = [...setOf(group.map(({ tokenId }) => tokenId))];
    // Only uses count: a token may be asked for by another program than uses it.
    const others = uses.filter((each) => each.atMs < first.atMs && isKeyOf(each, first));
    // Who got a token of their own from somebody else's session did not become its holder by that.
    const isOwnIssuance = ({ type, tokenId }: SeenEvent) =>
      others.length > 0 && type === "token_issued" && tokenIds.includes(tokenId ?? "");
    const place = placeOf(first);
    const isOwnSignIn = (each: SeenEvent) =>
      isSignInNews &&
      each.type !== "token_used" &&
      each.atMs >= fromMs &&
      placeOf(each) === place &&
      each.agent === first.agent;
    const before = events.filter(
      (each) => each.atMs < first.atMs && !isOwnIssuance(each) && !isOwnSignIn(each),
    );
    const habits = habitsOf(before);
    const isNewNetwork = isElsewhere(habits, first);
    const isNewIp = place !== undefined && !habits.places.has(place);
    const isNewAgent = first.agent !== undefined && !habits.agents.has(first.agent);
    if (habits.events === 0 || !(isNewNetwork || isNewAgent || isNewIp)) return [];
    const isPartys = (use: SeenEvent) => placeOf(use) === place && use.agent === first.agent;
    const ofTokens = uses.filter((use) => isKeyOf(use, first));
    const templates = setOf(before.map(({ endpoint }) => endpoint && templateOf(endpoint)));
    const called = setOf(group.map(({ endpoint }) => endpoint && templateOf(endpoint)));
    return [
      {
        network: first.network,
        agent: first.agent,
        ips: [...setOf(group.map(({ ip }) => ip))],
        uses: group,
        tokenIds,
        isNewNetwork,
        isNewIp,
        isNewAgent,
        hasOthersToken: others.length > 0,
        othersAgents: setOf(others.map(({ agent }) => agent)),
        isOtherFamily:
          others.length > 0 && !others.some((each) => isIpv6(each.ip) === isIpv6(first.ip)),
        habits,
        alternations: alternationsOf(ofTokens, isPartys),
        newEndpoints: [...called].filter((template) => !templates.has(template)),
        rate: rateOf(group),
        usualRate: rateOf(before.filter(({ type }) => type === "token_used")),
      },
    ];
  });
}

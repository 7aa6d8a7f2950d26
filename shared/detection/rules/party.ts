import { DAY_MS, MINUTE_MS } from "../../core/clock.ts";
import { getKnownLocations, isElsewhere, type KnownLocations, toSet } from "./location-novelty.ts";
import { isSuccess, type SeenEvent, toTemplate } from "./seen-event.ts";

/**
 * Uses of a principal's access from one IPv4 address or IPv6 network with one user agent, and what is new about them.
 */
export interface Party {
  readonly network: string | undefined;
  readonly agent: string | undefined;
  readonly ips: readonly string[];
  /** The party's uses, oldest first. */
  readonly uses: readonly SeenEvent[];
  readonly tokenIds: readonly string[];
  /**
   * Whether the network, address or user agent is new to the principal. A different network of a known operator isn't
   * new.
   */
  readonly isNewNetwork: boolean;
  readonly isNewIp: boolean;
  readonly isNewAgent: boolean;
  /** Whether a different party used the token or session first. */
  readonly hasOthersToken: boolean;
  /** User agents that previously used the token or session. */
  readonly othersAgents: ReadonlySet<string>;
  /** Whether the others used only IPv4 and this party uses IPv6, or vice versa. One machine may use both. */
  readonly isOtherFamily: boolean;
  /** The principal's habits before this party appeared. */
  readonly habits: Habits;
  /** Number of switches between this party and others that follow within half an hour of the previous switch. */
  readonly alternations: number;
  /** Endpoints that the principal never called before, without resource ids. */
  readonly newEndpoints: readonly string[];
  /** The most calls within ten minutes: by the party (`rate`), and by the principal before that (`usualRate`). */
  readonly rate: number;
  readonly usualRate: number;
}

/** A principal's habits before a party appeared. */
export interface Habits extends KnownLocations {
  readonly events: number;
  readonly days: number;
  readonly locations: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
}

const BACK_WITHIN_MS = 30 * MINUTE_MS;
const RATE_WINDOW_MS = 10 * MINUTE_MS;

const isIpv6 = (ip: string | undefined) => ip?.includes(":") === true;

/**
 * Returns what identifies a call's source: the IPv4 address, or the IPv6 network, because machines change their IPv6
 * address.
 */
function getLocation({ ip, network }: SeenEvent): string | undefined {
  return isIpv6(ip) ? network : ip;
}

/** Returns the habits that can be derived from a principal's events. */
export function summariseHabits(before: readonly SeenEvent[]): Habits {
  const known = before.filter(isSuccess);
  return {
    events: known.length,
    days: new Set(known.map(({ atMs }) => Math.floor(atMs / DAY_MS))).size,
    ...getKnownLocations(known),
    locations: toSet(known.map(getLocation)),
    agents: toSet(known.map(({ agent }) => agent)),
  };
}

/**
 * Returns the addresses in some events that the principal has never used. Only these may link findings to an incident,
 * because many people share usual addresses, such as an office's or a carrier's.
 */
export function strangeAddresses(
  events: readonly SeenEvent[],
  { locations }: Habits,
): { readonly kind: "ip"; readonly id: string }[] {
  const strange = events.filter((event) => !locations.has(getLocation(event) ?? ""));
  return [...toSet(strange.map(({ ip }) => ip))].map((id) => ({ kind: "ip", id }));
}

/** Whether an event's user agent is new to the principal. False if no user agent is known for the principal. */
export function hasNewAgent({ agents }: Habits, { agent }: Pick<SeenEvent, "agent">): boolean {
  return agent !== undefined && agents.size > 0 && !agents.has(agent);
}

/** Whether the principal was only seen over IPv4 and now uses IPv6, or vice versa. One machine may use both. */
export function isOtherFamily({ ip }: SeenEvent, { locations }: Habits): boolean {
  const families = [...locations].map((location) => location.includes(":"));
  return families.length > 0 && !families.includes(isIpv6(ip));
}

/** Returns the highest number of events within ten minutes. */
export function computeRate(events: readonly SeenEvent[]): number {
  let highest = 0;
  let start = 0;
  for (let end = 0; end < events.length; end += 1) {
    const endMs = events[end]?.atMs ?? 0;
    while (endMs - (events[start]?.atMs ?? 0) > RATE_WINDOW_MS) start += 1;
    highest = Math.max(highest, end - start + 1);
  }
  return highest;
}

/** Counts switches between a party and others that follow within half an hour of the previous switch. */
export function countAlternations(
  uses: readonly SeenEvent[],
  matches: (use: SeenEvent) => boolean,
): number {
  let count = 0;
  let inside = false;
  let leftMs = Number.NEGATIVE_INFINITY;
  for (const use of uses) {
    const now = matches(use);
    if (now !== inside) {
      if (use.atMs - leftMs <= BACK_WITHIN_MS) count += 1;
      leftMs = use.atMs;
    }
    inside = now;
  }
  return count;
}

const isSameKey = (first: SeenEvent, other: SeenEvent) =>
  (first.tokenId !== undefined && first.tokenId === other.tokenId) ||
  (first.sessionId !== undefined && first.sessionId === other.sessionId);

/**
 * Returns the parties that have started to use a principal's access since `fromMs` and differ from earlier events in
 * network, address or user agent.
 *
 * @param events the principal's events, oldest first
 * @param isNovelAtSignIn whether a recent sign-in by a party belongs to the party instead of being a habit of the
 *   principal
 */
export function newParties(
  events: readonly SeenEvent[],
  fromMs: number,
  { isNovelAtSignIn = false } = {},
): Party[] {
  const uses = events.filter(({ type }) => type === "token_used");
  const groups = new Map<string, SeenEvent[]>();
  for (const use of uses) {
    const key = `${getLocation(use) ?? ""} ${use.agent ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), use]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const last = group.at(-1);
    if (!first || !last || first.atMs < fromMs) return [];
    const tokenIds = [...toSet(group.map(({ tokenId }) => tokenId))];
    // Only uses count, because one program may request a token that a different program uses.
    const others = uses.filter((each) => each.atMs < first.atMs && isSameKey(each, first));
    // A token that a party obtained through someone else's session isn't a habit of the principal.
    const isOwnIssuance = ({ type, tokenId }: SeenEvent) =>
      others.length > 0 && type === "token_issued" && tokenIds.includes(tokenId ?? "");
    const location = getLocation(first);
    const isOwnSignIn = (each: SeenEvent) =>
      isNovelAtSignIn &&
      each.type !== "token_used" &&
      each.atMs >= fromMs &&
      getLocation(each) === location &&
      each.agent === first.agent;
    const before = events.filter(
      (each) => each.atMs < first.atMs && !isOwnIssuance(each) && !isOwnSignIn(each),
    );
    const habits = summariseHabits(before);
    const isNewNetwork = isElsewhere(habits, first);
    const isNewIp = location !== undefined && !habits.locations.has(location);
    const isNewAgent = first.agent !== undefined && !habits.agents.has(first.agent);
    if (habits.events === 0 || !(isNewNetwork || isNewAgent || isNewIp)) return [];
    const isPartys = (use: SeenEvent) => getLocation(use) === location && use.agent === first.agent;
    const ofTokens = uses.filter((use) => isSameKey(use, first));
    const templates = toSet(before.map(({ endpoint }) => endpoint && toTemplate(endpoint)));
    const called = toSet(group.map(({ endpoint }) => endpoint && toTemplate(endpoint)));
    return {
      network: first.network,
      agent: first.agent,
      ips: [...toSet(group.map(({ ip }) => ip))],
      uses: group,
      tokenIds,
      isNewNetwork,
      isNewIp,
      isNewAgent,
      hasOthersToken: others.length > 0,
      othersAgents: toSet(others.map(({ agent }) => agent)),
      isOtherFamily:
        others.length > 0 && !others.some((each) => isIpv6(each.ip) === isIpv6(first.ip)),
      habits,
      alternations: countAlternations(ofTokens, isPartys),
      newEndpoints: [...called].filter((template) => !templates.has(template)),
      rate: computeRate(group),
      usualRate: computeRate(before.filter(({ type }) => type === "token_used")),
    };
  });
}

import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import type { IpEnrichment } from "../../events/ip-enrichment.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import {
  describeNovelty,
  formatLocation,
  formatUsualLocations,
  toEnrichmentEvidence,
  wasAt,
} from "./location-novelty.ts";
import { type Habits, hasNewAgent, summariseHabits } from "./party.ts";
import { type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

type Parameters = AnomaliesConfig["rules"]["impossible_travel"];

/** Mean radius of the Earth. */
const RADIUS_KM = 6371;
/** Age at which a location counts as one of the principal's own, such as a carrier's gateway abroad. */
const HABIT_AFTER_MS = DAY_MS;
/**
 * If this many principals with their usual user agents appear at one operator, the operator is probably a gateway or
 * VPN.
 */
const PEERS = 3;

const TRAVEL_POINTS = {
  base: 30, // two locations that are too far apart
  newAgent: 25, // the user agent at the unusual location is new
  newCountry: 10, // the country or the network type there is new
  again: 10, // more than one such change
};

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Returns the distance between two points on the Earth in kilometres, using the haversine formula. */
export function kilometresBetween(one: Point, other: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const half = (from: number, to: number) => Math.sin(radians(to - from) / 2) ** 2;
  const chord =
    half(one.latitude, other.latitude) +
    Math.cos(radians(one.latitude)) *
      Math.cos(radians(other.latitude)) *
      half(one.longitude, other.longitude);
  return 2 * RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

function toPoint({ latitude, longitude }: IpEnrichment): Point | undefined {
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
}

/** A use from a location where a person can be. Hosting, VPN, proxy and Tor addresses don't show where a person is. */
interface Stay {
  readonly event: SeenEvent;
  readonly enrichment: IpEnrichment;
}

function findStays(events: readonly SeenEvent[]): Stay[] {
  return events.flatMap((event) => {
    const { type, enrichment } = event;
    const isPersons = type === "token_used" || type === "session_started";
    return isPersons && enrichment !== undefined && enrichment.networkType === undefined
      ? [{ event, enrichment }]
      : [];
  });
}

/** Two consecutive stays that are too far apart to travel between in the available time. */
interface Leap {
  readonly from: Stay;
  readonly to: Stay;
  /** Undefined if only the countries are known. */
  readonly kilometres?: number;
}

/**
 * Returns the leap between two stays, if there is one. With coordinates, it compares distance and time. Otherwise, it
 * compares countries and requires that the first country is used again soon afterwards.
 */
function findLeap(
  from: Stay,
  to: Stay,
  later: readonly Stay[],
  { kmPerHour, minimumKm, switchBackMinutes }: Parameters,
): Leap | undefined {
  const [start, end] = [toPoint(from.enrichment), toPoint(to.enrichment)];
  if (start && end) {
    const kilometres = kilometresBetween(start, end);
    const hours = (to.event.atMs - from.event.atMs) / HOUR_MS;
    return kilometres >= minimumKm && kilometres > kmPerHour * hours
      ? { from, to, kilometres: Math.round(kilometres) }
      : undefined;
  }
  const { country } = from.enrichment;
  if (
    country === undefined ||
    to.enrichment.country === undefined ||
    country === to.enrichment.country
  ) {
    return undefined;
  }
  const untilMs = from.event.atMs + switchBackMinutes * MINUTE_MS;
  const continuesAtUsualNetwork = later.some(
    ({ event, enrichment }) => event.atMs <= untilMs && enrichment.country === country,
  );
  return continuesAtUsualNetwork ? { from, to } : undefined;
}

interface Travel {
  readonly leaps: readonly [Leap, ...Leap[]];
  /** The two stays of the first leap. `far` is the unusual location. */
  readonly far: Stay;
  readonly near: Stay;
  readonly habits: Habits;
  readonly isNewAgent: boolean;
}

/** Returns a principal's leaps to or from a location that isn't one of the principal's own. */
function findTravel(
  events: readonly SeenEvent[],
  nowMs: number,
  parameters: Parameters,
): Travel | undefined {
  const fromMs = nowMs - parameters.windowMinutes * MINUTE_MS;
  const habits = summariseHabits(events.filter(({ atMs }) => atMs < nowMs - HABIT_AFTER_MS));
  const isOwn = ({ event }: Stay) => wasAt(habits, event);
  const stays = findStays(events);
  const leaps = stays.flatMap((to, index) => {
    const from = stays[index - 1];
    if (!from || to.event.atMs < fromMs || (isOwn(from) && isOwn(to))) return [];
    // One operator can have gateways in several countries.
    if (from.enrichment.asn !== undefined && from.enrichment.asn === to.enrichment.asn) return [];
    return findLeap(from, to, stays.slice(index + 1), parameters) ?? [];
  });
  const [first, ...rest] = leaps;
  if (!first) return undefined;
  const [far, near] = isOwn(first.to) ? [first.from, first.to] : [first.to, first.from];
  const before = summariseHabits(events.filter(({ atMs }) => atMs < far.event.atMs));
  return {
    leaps: [first, ...rest],
    far,
    near,
    habits,
    isNewAgent: hasNewAgent(before, far.event),
  };
}

const operatorName = ({ enrichment }: Stay) => String(enrichment.asn ?? enrichment.country);

function toAnomaly(
  principal: string,
  { leaps, far, near, habits, isNewAgent }: Travel,
  nowMs: number,
  parameters: Parameters,
): Anomaly {
  const [leap] = leaps;
  const subject = toPrincipalSubject(principal);
  const minutes = Math.round((leap.to.event.atMs - leap.from.event.atMs) / MINUTE_MS);
  const isNewCountry = describeNovelty(habits, far.event).length > 0;
  const both = [leap.from.event, leap.to.event];
  const distance =
    leap.kilometres === undefined ? "in another country" : `${leap.kilometres} km away`;
  const tokens = new Set(both.flatMap(({ tokenId }) => tokenId ?? []));
  return {
    subject,
    clientId: far.event.clientId,
    involved: [...getSubjects("ip", [far.event.ip]), ...getSubjects("token", tokens)],
    message: `${subject.kind} ${subject.id} was active from ${formatLocation(leap.from.event)} and, ${minutes} minutes later and ${distance}, from ${formatLocation(leap.to.event)} (${far.event.agent ?? "no user agent"})${habits.homes.size > 0 ? `; usual: ${formatUsualLocations(habits)}` : ""}`,
    score:
      TRAVEL_POINTS.base +
      (isNewAgent ? TRAVEL_POINTS.newAgent : 0) +
      (isNewCountry ? TRAVEL_POINTS.newCountry : 0) +
      (leaps.length >= 2 ? TRAVEL_POINTS.again : 0),
    observed: leap.kilometres ?? leaps.length,
    threshold: leap.kilometres === undefined ? 1 : parameters.minimumKm,
    ...formatWindow(nowMs - parameters.windowMinutes * MINUTE_MS, nowMs),
    evidence: {
      minutes,
      ...(leap.kilometres !== undefined && { kilometres: leap.kilometres }),
      other_location: formatLocation(near.event),
      changes_between: leaps.length,
      is_new_user_agent: isNewAgent,
      ...toEnrichmentEvidence(habits, far.event),
    },
  };
}

/** Detects access from two locations that are too far apart to travel between in the available time. */
export const impossibleTravel: AnomalyRule<Parameters> = {
  name: "impossible_travel",
  catches:
    "a user, token or session at two locations that are too far apart to travel between in the time; at least one is new",
  falsePositives:
    "a carrier's gateway abroad, a company VPN that the IP database does not know, a roaming phone whose user is also on hotel Wi-Fi, a program that keeps running at home while its user travels",
  advice:
    "Ask the user where they are. If one location is not theirs, end their sessions and reset their credentials.",
  examples: "all",
  find: ({ principals, nowMs }, parameters) => {
    const travels = [...principals].flatMap(([principal, events]) => {
      const travel = findTravel(events, nowMs, parameters);
      return travel ? [{ principal, travel }] : [];
    });
    const counts = new Map<string, number>();
    for (const { travel } of travels) {
      if (travel.isNewAgent) continue;
      const name = operatorName(travel.far);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return travels
      .filter(
        ({ travel }) => travel.isNewAgent || (counts.get(operatorName(travel.far)) ?? 0) < PEERS,
      )
      .map(({ principal, travel }) => toAnomaly(principal, travel, nowMs, parameters));
  },
};

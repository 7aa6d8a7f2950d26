import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isOperator } from "../../events/operator.ts";
import type { SeenEvent } from "./seen-event.ts";

/** Of a suspect's events, the newest of the last two hours are read, and so many of the time before them. */
export const RECENT_MS = 2 * HOUR_MS;
export const MOST_RECENT_EVENTS = 300;
export const MOST_EVENTS_BEFORE = 150;

/** A subject's counts for each minute of the last two hours. */
export interface SubjectCount {
  readonly clientId: string;
  readonly value: string;
  /** Counts by the start of the minute, epoch milliseconds. */
  readonly minutes: ReadonlyMap<number, number>;
}

/** Counts by the start of the hour, epoch milliseconds. */
export type HourCounts = ReadonlyMap<number, number>;

/** A client's count for the hour that ends now, and for the full hours before it. */
export interface ClientHistory {
  readonly clientId: string;
  readonly lastHour: number;
  readonly hours: HourCounts;
  /** When the client, or any client where nobody is named, was first counted at all, epoch milliseconds. */
  readonly firstSeenMs: number;
}

/** A network that a client was seen from, or its operator (`AS64496`) where that is known. */
export interface KnownNetwork {
  readonly network: string;
  /** UTC. */
  readonly firstSeenAt: string;
  /** When it was last seen, to the day: up to a day early. UTC. */
  readonly lastSeenAt: string;
  /** Whether it was an anomaly when it was first seen. */
  readonly raised: boolean;
}

/** The sampled uses of a user, or of a token without one, by the hour. */
export interface SampledUses {
  /** `user:…` or `token:…`. */
  readonly holder: string;
  readonly clientId: string;
  readonly hours: HourCounts;
}

/**
 * The data that the rules examine, read once for each run: counters, and the latest events of a bounded number of
 * suspects that the counters name. Its size does not grow with the number of events.
 */
export interface DetectionSnapshot {
  /** The time of the run. */
  readonly nowMs: number;
  /** Addresses, users and tokens that were counted since then were looked at. */
  readonly sinceMs: number;
  /** The start of the history. */
  readonly historyStartMs: number;
  readonly issuance: readonly ClientHistory[];
  readonly failures: readonly ClientHistory[];
  /** Failures that are guesses. */
  readonly guesses: readonly ClientHistory[];
  readonly uses: readonly ClientHistory[];
  /** When each client was first counted, within the history. */
  readonly firstSeenMs: ReadonlyMap<string, number>;
  /** Events of the last two hours: values are their types. */
  readonly typeCounts: readonly SubjectCount[];
  /** Guesses of the last two hours of each client; values are empty. */
  readonly clientGuesses: readonly SubjectCount[];
  readonly failedReasons: readonly SubjectCount[];
  /** Failures by address, and guesses. */
  readonly failedIps: readonly SubjectCount[];
  readonly guessedIps: readonly SubjectCount[];
  /** Guesses of each address by the hour, for the last day. */
  readonly guessedIpHours: ReadonlyMap<string, HourCounts>;
  /** Values are a network, or its operator, and a user agent from which a client used a token that has no user. */
  readonly serviceNetworks: readonly SubjectCount[];
  /** Values are holders, `user:…` or `token:…`, that were refused. */
  readonly refusedHolders: readonly SubjectCount[];
  readonly dormantTokens: readonly SubjectCount[];
  readonly sampledUses: readonly SampledUses[];
  /** Events of suspected holders, addresses and clients, earliest first. */
  readonly holders: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly addresses: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly clients: ReadonlyMap<string, readonly SeenEvent[]>;
  /** What administrators did at the identity provider in the last minutes. */
  readonly administration: readonly SeenEvent[];
  /** When each revoked token of a refused holder was revoked, UTC. */
  readonly revokedAt: ReadonlyMap<string, string>;
  /** Networks from which the clients in `serviceNetworks` were seen before, earliest first. */
  readonly knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>;
  /** When each user agent of these clients was first seen, epoch milliseconds. */
  readonly clientAgents: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Sums counts of the minutes in [fromMs, toMs). */
export function countWithin({ minutes }: SubjectCount, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [startMs, count] of minutes) if (startMs >= fromMs && startMs < toMs) sum += count;
  return sum;
}

/**
 * Of a client's places those of a kind, operators or networks, once the client has been watched by them for so long.
 * When addresses get an operator for the first time, or have none any more, the client is learnt anew: none is new
 * compared with places of the other kind.
 */
export function comparablePlaces(
  known: readonly KnownNetwork[],
  place: string,
  { nowMs, learnMs }: { readonly nowMs: number; readonly learnMs: number },
): readonly KnownNetwork[] | undefined {
  const alike = known.filter(({ network }) => isOperator(network) === isOperator(place));
  const [first] = alike;
  if (first === undefined || nowMs - Date.parse(first.firstSeenAt) < learnMs) return undefined;
  // A client whose operators are known was not watched by its networks meanwhile.
  const isOfBoth =
    !isOperator(place) &&
    known.some(
      (one) => isOperator(one.network) && nowMs - Date.parse(one.lastSeenAt) < learnMs + DAY_MS,
    );
  return isOfBoth ? undefined : alike;
}

/** `first rest` → [first, rest]: a space separates the two parts of a value. */
export function splitValue(value: string): [string, string] {
  const space = value.indexOf(" ");
  return space < 0 ? [value, ""] : [value.slice(0, space), value.slice(space + 1)];
}

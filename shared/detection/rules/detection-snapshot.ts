import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isOperator } from "../../events/operator.ts";
import type { SeenEvent } from "./seen-event.ts";

/** Maximum events read per candidate: of the last two hours, and of the time before. */
export const RECENT_MS = 2 * HOUR_MS;
export const MOST_RECENT_EVENTS = 300;
export const MOST_EVENTS_BEFORE = 150;

/** The counts of a subject, per minute. */
export interface SubjectCount {
  readonly clientId: string;
  readonly value: string;
  /** Counts by the start of the minute, epoch milliseconds. */
  readonly minutes: ReadonlyMap<number, number>;
}

/** Counts by the start of the hour, epoch milliseconds. */
export type HourCounts = ReadonlyMap<number, number>;

/** A client's count for the last hour, and for the full hours before it. */
export interface ClientHistory {
  readonly clientId: string;
  readonly lastHour: number;
  readonly hours: HourCounts;
  /** When the client was first counted, in epoch milliseconds. For callers without a client, when any client was. */
  readonly firstSeenMs: number;
}

/** A network from which a client was seen, or its operator (`AS64496`) if known. */
export interface KnownNetwork {
  readonly network: string;
  /** UTC. */
  readonly firstSeenAt: string;
  /** Last use, UTC. Exact to the day: up to a day early. */
  readonly lastSeenAt: string;
  /** Whether it raised an anomaly when it was first seen. */
  readonly raised: boolean;
}

/** Sampled uses of a user, or of a token without a user, by hour. */
export interface SampledUses {
  /** `user:…` or `token:…`. */
  readonly holder: string;
  readonly clientId: string;
  readonly hours: HourCounts;
}

/**
 * The data that the rules evaluate, read once per run: counters, and the latest events of a limited number of
 * candidates. Its size doesn't grow with the number of events.
 */
export interface DetectionSnapshot {
  /** Time of the run. */
  readonly nowMs: number;
  /** Addresses, users and tokens counted since this instant are candidates. */
  readonly sinceMs: number;
  /** Start of the history. */
  readonly historyStartMs: number;
  readonly issuance: readonly ClientHistory[];
  readonly failures: readonly ClientHistory[];
  /** Failures that are credential guesses. */
  readonly guesses: readonly ClientHistory[];
  readonly uses: readonly ClientHistory[];
  /** When each client was first counted, within the history. */
  readonly firstSeenMs: ReadonlyMap<string, number>;
  /** Events of the last two hours. Values are event types. */
  readonly typeCounts: readonly SubjectCount[];
  /** Credential guesses of each client in the last two hours. Values are empty. */
  readonly clientGuesses: readonly SubjectCount[];
  readonly failedReasons: readonly SubjectCount[];
  /** Failures by address, and the credential guesses among them. */
  readonly failedIps: readonly SubjectCount[];
  readonly guessedIps: readonly SubjectCount[];
  /** Credential guesses of each address by hour, for the last day. */
  readonly guessedIpHours: ReadonlyMap<string, HourCounts>;
  /** Each value is a network (or its operator) and a user agent from which a client used a token without a user. */
  readonly serviceNetworks: readonly SubjectCount[];
  /** Values are principals that were refused: `user:…` or `token:…`. */
  readonly refusedHolders: readonly SubjectCount[];
  readonly dormantTokens: readonly SubjectCount[];
  readonly sampledUses: readonly SampledUses[];
  /** Events of candidate principals, addresses and clients, earliest first. */
  readonly holders: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly addresses: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly clients: ReadonlyMap<string, readonly SeenEvent[]>;
  /** Recent administrator actions at the identity provider. */
  readonly administration: readonly SeenEvent[];
  /** Revocation times of the refused principals' tokens, UTC. */
  readonly revokedAt: ReadonlyMap<string, string>;
  /** Networks from which the clients in `serviceNetworks` were seen before, earliest first. */
  readonly knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>;
  /** First-seen times of these clients' user agents, in epoch milliseconds. */
  readonly clientAgents: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Returns the sum of the counts in [fromMs, toMs). */
export function countWithin({ minutes }: SubjectCount, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [startMs, count] of minutes) if (startMs >= fromMs && startMs < toMs) sum += count;
  return sum;
}

/**
 * Returns the client's known networks or operators, whichever kind `place` is. Returns undefined until the client has
 * been observed by that kind for `learnMs`. When IP enrichment starts or stops naming operators, nothing counts as new
 * until the client has been learned again.
 */
export function comparablePlaces(
  known: readonly KnownNetwork[],
  place: string,
  { nowMs, learnMs }: { readonly nowMs: number; readonly learnMs: number },
): readonly KnownNetwork[] | undefined {
  const alike = known.filter(({ network }) => isOperator(network) === isOperator(place));
  const [first] = alike;
  if (first === undefined || nowMs - Date.parse(first.firstSeenAt) < learnMs) return undefined;
  // While operators were known, the client's networks weren't recorded.
  const isOfBoth =
    !isOperator(place) &&
    known.some(
      (one) => isOperator(one.network) && nowMs - Date.parse(one.lastSeenAt) < learnMs + DAY_MS,
    );
  return isOfBoth ? undefined : alike;
}

/** Splits a value at its first space into two parts. */
export function splitValue(value: string): [string, string] {
  const space = value.indexOf(" ");
  return space < 0 ? [value, ""] : [value.slice(0, space), value.slice(space + 1)];
}

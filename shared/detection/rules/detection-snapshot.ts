import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isOperator } from "../../events/ip-enrichment.ts";
import type { SeenEvent } from "./seen-event.ts";

/**
 * Maximum events to read per candidate: `MAX_RECENT_EVENTS` within this period, and `MAX_EVENTS_BEFORE` from before
 * it.
 */
export const RECENT_MS = 2 * HOUR_MS;
export const MAX_RECENT_EVENTS = 300;
export const MAX_EVENTS_BEFORE = 150;

/** A subject's counts per minute. */
export interface SubjectCount {
  readonly clientId: string;
  readonly value: string;
  /** Counts by when the minute starts, in epoch milliseconds. */
  readonly minutes: ReadonlyMap<number, number>;
}

/** Counts by when the hour starts, in epoch milliseconds. */
export type HourCounts = ReadonlyMap<number, number>;

/** A client's count for the last hour, and for each full hour before that. */
export interface ClientHistory {
  readonly clientId: string;
  readonly lastHour: number;
  readonly hours: HourCounts;
  /**
   * When the client was first counted, in epoch milliseconds. For callers without a client, when any client was first
   * counted.
   */
  readonly firstSeenMs: number;
}

/** A network that a client was seen from, or the network's operator (`AS64496`) if known. */
export interface KnownNetwork {
  readonly network: string;
  /** UTC. */
  readonly firstSeenAt: string;
  /** When it was last used, UTC. Updated once a day, so the real time may be up to a day later. */
  readonly lastSeenAt: string;
  /** Whether it raised an anomaly when it was first seen. */
  readonly raised: boolean;
}

/** Sampled uses by a user, or of a token without a user, by hour. */
export interface SampledUses {
  /** `user:…` or `token:…`. */
  readonly principal: string;
  readonly clientId: string;
  readonly hours: HourCounts;
}

/**
 * The data that the rules evaluate, read once per run: counters, and the most recent events of a limited number of
 * candidates. The size doesn't grow with the number of events.
 */
export interface DetectionSnapshot {
  /** When the run takes place. */
  readonly nowMs: number;
  /** Addresses, users and tokens that were counted since this instant are candidates. */
  readonly sinceMs: number;
  /** When the history starts. */
  readonly historyStartMs: number;
  readonly issuance: readonly ClientHistory[];
  readonly failures: readonly ClientHistory[];
  /** Failures that are credential guesses. */
  readonly credentialGuesses: readonly ClientHistory[];
  readonly uses: readonly ClientHistory[];
  /** When each client first appears in the history. */
  readonly firstSeenMs: ReadonlyMap<string, number>;
  /** Events in the last two hours. The values are event types. */
  readonly typeCounts: readonly SubjectCount[];
  /** Credential guesses for each client in the last two hours. The values are empty. */
  readonly clientCredentialGuesses: readonly SubjectCount[];
  readonly failedReasons: readonly SubjectCount[];
  /** Failures by address. `credentialGuessesByIp` counts only the credential guesses. */
  readonly failedIps: readonly SubjectCount[];
  readonly credentialGuessesByIp: readonly SubjectCount[];
  /** Credential guesses from each address, by hour, for the last day. */
  readonly credentialGuessHoursByIp: ReadonlyMap<string, HourCounts>;
  /**
   * Uses of tokens without a user. Each value is a user agent and the network (or operator) that the client used it
   * from.
   */
  readonly serviceNetworks: readonly SubjectCount[];
  /** Denied calls. The values are principals: `user:…` or `token:…`. */
  readonly deniedPrincipals: readonly SubjectCount[];
  readonly dormantTokens: readonly SubjectCount[];
  readonly sampledUses: readonly SampledUses[];
  /** Events of candidate principals, addresses and clients, oldest first. */
  readonly principals: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly addresses: ReadonlyMap<string, readonly SeenEvent[]>;
  readonly clients: ReadonlyMap<string, readonly SeenEvent[]>;
  /** Recent actions by administrators at the identity provider. */
  readonly administration: readonly SeenEvent[];
  /** When the denied principals' tokens were revoked, UTC. */
  readonly revokedAt: ReadonlyMap<string, string>;
  /** Networks that the clients in `serviceNetworks` were previously seen from, oldest first. */
  readonly knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>;
  /** When each user agent of these clients was first seen, in epoch milliseconds. */
  readonly clientAgents: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Returns the sum of the counts in [fromMs, toMs). */
export function countWithin({ minutes }: SubjectCount, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [startMs, count] of minutes) if (startMs >= fromMs && startMs < toMs) sum += count;
  return sum;
}

/**
 * Returns the client's known networks, or its known operators if `location` is an operator. Returns undefined until
 * these have been observed for `learnMs`. If IP enrichment starts or stops providing operators, nothing counts as new until
 * this period has passed again.
 */
export function getComparableLocations(
  known: readonly KnownNetwork[],
  location: string,
  { nowMs, learnMs }: { readonly nowMs: number; readonly learnMs: number },
): readonly KnownNetwork[] | undefined {
  const comparable = known.filter(({ network }) => isOperator(network) === isOperator(location));
  const [first] = comparable;
  if (first === undefined || nowMs - Date.parse(first.firstSeenAt) < learnMs) return undefined;
  // While operators were known, the client's networks weren't recorded.
  const hasBothKinds =
    !isOperator(location) &&
    known.some(
      (network) =>
        isOperator(network.network) && nowMs - Date.parse(network.lastSeenAt) < learnMs + DAY_MS,
    );
  return hasBothKinds ? undefined : comparable;
}

/** Splits a value in two at the first space. */
export function splitValue(value: string): [string, string] {
  const space = value.indexOf(" ");
  return space < 0 ? [value, ""] : [value.slice(0, space), value.slice(space + 1)];
}

/** A token that rested for so long is dormant. */
export const DORMANT_AFTER_DAYS = 7;

/** How often a subject was counted, by the minute, within the last two hours. */
export interface SubjectCount {
  readonly clientId: string;
  readonly value: string;
  /** Counts by the start of the minute, epoch milliseconds. */
  readonly minutes: ReadonlyMap<number, number>;
}

/** Counts by the start of the hour, epoch milliseconds. */
export type HourCounts = ReadonlyMap<number, number>;

/** A client's count of the hour that ends now, and of the whole hours before it. */
export interface ClientHistory {
  readonly clientId: string;
  readonly lastHour: number;
  readonly hours: HourCounts;
}

/** A network that a client was seen from. */
export interface KnownNetwork {
  readonly network: string;
  /** UTC. */
  readonly firstSeenAt: string;
  /** Whether it was an anomaly when it was first seen. */
  readonly raised: boolean;
}

/** All that rules look at, read once for a run: nothing in it grows with the number of events. */
export interface DetectionSnapshot {
  /** The present of the run. */
  readonly nowMs: number;
  /** The first instant of the history, and the oldest hour in which anything was counted. */
  readonly historyStartMs: number;
  readonly issuance: readonly ClientHistory[];
  readonly failures: readonly ClientHistory[];
  /** Failures of the last minutes, by client. */
  readonly failuresByClient: readonly SubjectCount[];
  readonly failedIps: readonly SubjectCount[];
  /** Values are a reason and a token id. */
  readonly failedTokens: readonly SubjectCount[];
  readonly failedReasons: readonly SubjectCount[];
  /** Values are a network and a token id. */
  readonly networks: readonly SubjectCount[];
  /** Values are networks that clients' tokens without a user came to. */
  readonly serviceNetworks: readonly SubjectCount[];
  readonly dormantTokens: readonly SubjectCount[];
  /** Failures of an address by the hour, for the last day. */
  readonly failedIpHours: ReadonlyMap<string, HourCounts>;
  /** When the tokens among `failedTokens` were revoked, UTC. */
  readonly revokedAt: ReadonlyMap<string, string>;
  /** Uses in the last hour of the tokens among `dormantTokens`. */
  readonly usesOfDormant: ReadonlyMap<string, number>;
  /** Networks that the clients among `serviceNetworks` were seen from before, the earliest first. */
  readonly knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>;
}

/** Sums counts of the minutes in [fromMs, toMs). */
export function countWithin({ minutes }: SubjectCount, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [startMs, count] of minutes) if (startMs >= fromMs && startMs < toMs) sum += count;
  return sum;
}

/** `first rest` → [first, rest]: values of two things have a space between them. */
export function splitValue(value: string): [string, string] {
  const space = value.indexOf(" ");
  return [value.slice(0, space), value.slice(space + 1)];
}

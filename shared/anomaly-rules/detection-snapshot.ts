/** Days without use after which a token is dormant. */
export const DORMANT_AFTER_DAYS = 7;

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
}

/** A network that a client was seen from. */
export interface KnownNetwork {
  readonly network: string;
  /** UTC. */
  readonly firstSeenAt: string;
  /** Whether it was an anomaly when it was first seen. */
  readonly raised: boolean;
}

/** The data that the rules examine, read once for each run. Its size does not grow with the number of events. */
export interface DetectionSnapshot {
  /** The time of the run. */
  readonly nowMs: number;
  /** The start of the history. */
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
  /** Values are networks from which a client used a token that has no user. */
  readonly serviceNetworks: readonly SubjectCount[];
  readonly dormantTokens: readonly SubjectCount[];
  /** Failures of each address by the hour, for the last day. */
  readonly failedIpHours: ReadonlyMap<string, HourCounts>;
  /** When each revoked token in `failedTokens` was revoked, UTC. */
  readonly revokedAt: ReadonlyMap<string, string>;
  /** How often each token in `dormantTokens` was used in the last hour. */
  readonly usesOfDormant: ReadonlyMap<string, number>;
  /** Networks from which the clients in `serviceNetworks` were seen before, earliest first. */
  readonly knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>;
}

/** Sums counts of the minutes in [fromMs, toMs). */
export function countWithin({ minutes }: SubjectCount, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [startMs, count] of minutes) if (startMs >= fromMs && startMs < toMs) sum += count;
  return sum;
}

/** `first rest` → [first, rest]: a space separates the two parts of a value. */
export function splitValue(value: string): [string, string] {
  const space = value.indexOf(" ");
  return [value.slice(0, space), value.slice(space + 1)];
}

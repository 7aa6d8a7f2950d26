/** DynamoDB request units. A write unit is 1 KB, a read unit 4 KB. */
export interface Units {
  readonly writes: number;
  readonly reads: number;
}

/**
 * DynamoDB units per path. `test/integration/capacity.test.ts` counts them on DynamoDB Local and fails if a path uses
 * other units.
 */
export const UNITS = {
  /** Call that writes the token's last use. */
  call: { writes: 1, reads: 1 },
  /** Call within `tracking.lastUsedIntervalSeconds` of the last write. */
  callWithinInterval: { writes: 0, reads: 2 },
  /** First stored use of a token, in addition to the event: its user and user agent. */
  newToken: { writes: 2, reads: 1 },
  /** Event of an allowed call, without its index entries. */
  event: { writes: 2, reads: 0 },
  /** Entry of an event in the address index. */
  addressEntry: { writes: 1, reads: 0 },
  /** Other index entries of an event that is the only one of its client and type in a transaction. */
  loneEvent: { writes: 3, reads: 0 },
  /** Batch item that lists up to ten events, with its index entries. */
  batchItem: { writes: 5, reads: 0 },
  /** Each further twenty events in a batch item. */
  batchItemGrowth: { writes: 2, reads: 0 },
  /** Counters for the events of one client and type in a transaction. */
  counters: { writes: 4, reads: 0 },
  /** Ranking of a use that is in the sample for detection. */
  sampledUse: { writes: 3, reads: 0 },
  /** Last use of a client, once per batch. */
  clientUse: { writes: 1, reads: 0 },
  /** Event of a denied call, and the rankings of its address and endpoint. */
  deniedCall: { writes: 14, reads: 0 },
  /** Index entries and other counters of the denied calls in a transaction. */
  deniedCounters: { writes: 9, reads: 0 },
  /** Detection run without findings. */
  detectionRun: { writes: 0, reads: 41.5 },
  /** Cleanup run that finds nothing expired. */
  cleanupRun: { writes: 2, reads: 7.5 },
  /** Deletion of an expired token. */
  deletedToken: { writes: 3, reads: 0 },
} as const satisfies Record<string, Units>;

/** Bytes of an item, without the 100 bytes that DynamoDB adds. Checked by `capacity.test.ts`. */
export const STORED_BYTES = {
  /** Event, and each of its index entries. */
  event: 800,
  /** User and user agent of a token. */
  token: 285,
  /** Ranking counters of a denied call's address. */
  deniedCall: 340,
} as const;

import type { DetectionSnapshot } from "../shared/anomaly-rules/detection-snapshot.ts";
import { DAY_MS } from "../shared/time/clock.ts";

/** What the rules look at after two weeks in which nothing happened but `parts`. */
export function quietSnapshot(
  nowMs: number,
  parts: Partial<DetectionSnapshot> = {},
): DetectionSnapshot {
  return {
    nowMs,
    historyStartMs: nowMs - 14 * DAY_MS,
    issuance: [],
    failures: [],
    failuresByClient: [],
    failedIps: [],
    failedTokens: [],
    failedReasons: [],
    networks: [],
    serviceNetworks: [],
    dormantTokens: [],
    failedIpHours: new Map(),
    revokedAt: new Map(),
    usesOfDormant: new Map(),
    knownNetworks: new Map(),
    ...parts,
  };
}

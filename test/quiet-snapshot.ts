import { DAY_MS, HOUR_MS } from "../shared/core/clock.ts";
import type { DetectionSnapshot } from "../shared/detection/rules/detection-snapshot.ts";

/** Returns the detection's input after two weeks without any events except `parts`. */
export function quietSnapshot(
  nowMs: number,
  parts: Partial<DetectionSnapshot> = {},
): DetectionSnapshot {
  return {
    nowMs,
    sinceMs: nowMs - 2 * HOUR_MS,
    historyStartMs: nowMs - 14 * DAY_MS,
    issuance: [],
    failures: [],
    credentialGuesses: [],
    uses: [],
    firstSeenMs: new Map(),
    typeCounts: [],
    clientCredentialGuesses: [],
    failedReasons: [],
    failedIps: [],
    credentialGuessesByIp: [],
    credentialGuessHoursByIp: new Map(),
    serviceNetworks: [],
    deniedPrincipals: [],
    dormantTokens: [],
    sampledUses: [],
    principals: new Map(),
    addresses: new Map(),
    clients: new Map(),
    administration: [],
    revokedAt: new Map(),
    knownNetworks: new Map(),
    clientAgents: new Map(),
    ...parts,
  };
}

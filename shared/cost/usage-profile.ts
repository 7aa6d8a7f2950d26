import type { MonitoringConfig, MonitoringConfigInput } from "../config/monitoring-config.ts";
import { parseMonitoringConfig } from "../config/monitoring-config.ts";
import { POLLERS } from "./allowances.ts";

/**
 * Configurations to estimate costs for. `lean` gives up:
 * - exact `last_used_at` and `previous_use`: a token's item is up to an hour behind while the address stays the same
 *   (events still contain the exact time of each use)
 * - `scope_validation_success` events, and the scopes in `token_used`
 * - finding allowed calls by address (denied calls can still be found)
 * - the event bus archive, and therefore replays
 * - seeing events within a second: the queue collects messages for up to twenty seconds
 */
export const PROFILES = {
  default: {},
  lean: {
    tracking: {
      lastUsedIntervalSeconds: 3600,
      scopeValidationSuccess: false,
      addressIndex: "security_events",
    },
    archive: { enabled: false },
    subscriber: { batchWindowSeconds: 20 },
  },
} as const satisfies Record<string, MonitoringConfigInput>;

export type ProfileName = keyof typeof PROFILES;

/** An API's traffic and monitoring configuration. */
export interface UsageProfile {
  readonly config: MonitoringConfig;
  readonly callsPerSecond: number;
  /** Share of calls that are denied, 0 to 1. */
  readonly failures: number;
  /** Share of denied calls without a known token. */
  readonly unknownFailures: number;
  readonly clients: number;
  /** Number of users. Each user has a different address. */
  readonly users: number;
  /** Uses per token. */
  readonly callsPerToken: number;
  /** Share of uses that come from a different network than the previous use. */
  readonly moves: number;
  /** Seconds between two uses of a token. This determines how many updates `lastUsedIntervalSeconds` saves. */
  readonly secondsBetweenUses: number;
  readonly userAgentBytes: number;
  /** Whether calls carry API Gateway and X-Ray ids. */
  readonly traced: boolean;
  /** Number of concurrent pollers. */
  readonly pollers: number;
}

/** Returns a profile. Omitted values default to typical ones. */
export function usageProfile(
  given: Partial<Omit<UsageProfile, "config">> & {
    readonly callsPerSecond: number;
    readonly config?: MonitoringConfigInput;
  },
): UsageProfile {
  return {
    failures: 0.01,
    unknownFailures: 0.5,
    clients: 20,
    users: 1000,
    callsPerToken: 20,
    moves: 0.02,
    secondsBetweenUses: 120,
    userAgentBytes: 90,
    traced: true,
    pollers: POLLERS,
    ...given,
    config: parseMonitoringConfig(given.config ?? {}),
  };
}

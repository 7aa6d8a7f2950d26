import type { MonitoringConfig, MonitoringConfigInput } from "../config/monitoring-config.ts";
import { parseMonitoringConfig } from "../config/monitoring-config.ts";
import { POLLERS } from "./allowances.ts";

/**
 * Configurations to estimate the bill for. `lean` gives up:
 * - exact `last_used_at` and `previous_use`: a token's item is up to an hour behind while its address doesn't change
 *   (events still have the exact time of each use)
 * - `scope_validation_success` events, and the scopes in `token_used`
 * - finding allowed calls by address (denied calls are still found)
 * - the event bus archive, and with it replays
 * - seeing events within a second: the queue collects for up to twenty seconds
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

/** An API's traffic and its monitoring configuration. */
export interface UsageProfile {
  readonly config: MonitoringConfig;
  readonly callsPerSecond: number;
  /** Fraction of denied calls, 0 to 1. */
  readonly failures: number;
  /** Fraction of denied calls without a known token. */
  readonly unknownFailures: number;
  readonly clients: number;
  /** Number of users, each with its own address. */
  readonly users: number;
  /** Uses per token. */
  readonly callsPerToken: number;
  /** Fraction of uses from another network than the previous one. */
  readonly moves: number;
  /** Seconds between two uses of a token. Determines how many updates `lastUsedIntervalSeconds` saves. */
  readonly secondsBetweenUses: number;
  readonly userAgentBytes: number;
  /** Whether calls have ids of API Gateway and X-Ray. */
  readonly traced: boolean;
  /** Concurrent pollers. */
  readonly pollers: number;
}

/** Returns a profile, with typical values as defaults. */
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

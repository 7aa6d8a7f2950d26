import type { MonitoringConfig, MonitoringConfigInput } from "../config/monitoring-config.ts";
import { parseMonitoringConfig } from "../config/monitoring-config.ts";
import { POLLERS } from "./allowances.ts";

/**
 * Configurations that the bill is estimated for. `lean` gives up:
 * - `last_used_at` and `previous_use` to the second: a token's own item is up to an hour behind, as long as
 *   its address stays the same (the time of each use is exact in its event),
 * - events by `scope_validation_success`, and the scopes in `token_used`,
 * - calls that were let in, by their address (those that were refused are found by it),
 * - the bus's archive, from which events could be replayed,
 * - seeing an event within a second: the queue gathers for up to twenty.
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

/** What an API's traffic is like, and how its monitoring is set. */
export interface UsageProfile {
  readonly config: MonitoringConfig;
  readonly callsPerSecond: number;
  /** Share of the calls that are refused, 0 to 1. */
  readonly failures: number;
  /** Share of the refused calls that no token is known of. */
  readonly unknownFailures: number;
  readonly clients: number;
  /** Users, and addresses, that calls come from in turn. */
  readonly users: number;
  /** Uses of a token in its life. */
  readonly callsPerToken: number;
  /** Share of the uses that come from another network than the one before. */
  readonly moves: number;
  /** Seconds between two uses of a token, for an interval of `last_used_at` to leave some out. */
  readonly secondsBetweenUses: number;
  readonly userAgentBytes: number;
  /** Whether calls have API Gateway's and X-Ray's ids. */
  readonly traced: boolean;
  /** Pollers that gather side by side. */
  readonly pollers: number;
}

/** A profile with what is usual for all that is not given. */
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

import { describe, expect, it } from "vitest";
import { type AccountLimits, quotaFaults } from "../../cli/commands/quotas.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";

/** An account as AWS gives it in most regions. */
const USUAL: AccountLimits = {
  unreservedConcurrency: 1000,
  tableWriteUnits: 40_000,
  accountWriteUnits: 80_000,
};

const faults = (config: MonitoringConfigInput, limits: Partial<AccountLimits> = {}) =>
  quotaFaults(parseMonitoringConfig(config), { ...USUAL, ...limits }).map(
    ({ found, advice }) => `${found} → ${advice}`,
  );
const capacity = (most: number) => ({ read: { least: 1, most }, write: { least: 1, most } });

describe("the quotas", () => {
  it("allow the defaults in a usual account", () => {
    expect(faults({})).toEqual([]);
  });

  it("say nothing where they are not known", () => {
    expect(quotaFaults(parseMonitoringConfig({}), {})).toEqual([]);
  });

  it.each<[string, MonitoringConfigInput, Partial<AccountLimits>, RegExp[]]>([
    [
      "a new account",
      {},
      { unreservedConcurrency: 10 },
      [/1000 environments of the authorizer; it can have 10 → raise Lambda's/, /subscriber alone/],
    ],
    [
      "too few reserved for the authorizer, whatever the account has",
      { functions: { reservedConcurrency: { Authorizer: 400 } } },
      { unreservedConcurrency: 5000 },
      [/it can have 400 → raise functions\.reservedConcurrency\.Authorizer/],
    ],
    [
      "others that have reserved nearly everything",
      { api: { throttle: { rateLimit: 50 } } },
      { unreservedConcurrency: 10 },
      [/share 10 → .*lower subscriber\.maxConcurrency/],
    ],
    [
      "more calls than a table takes writes",
      { api: { throttle: { rateLimit: 25_000 } } },
      { unreservedConcurrency: 5000 },
      [/write 50000 units to a table; a table takes 40000 → raise DynamoDB's/],
    ],
    [
      "a provisioned table beyond the quota",
      { capacity: { provisioned: { events: capacity(50_000) } } },
      {},
      [/capacity\.provisioned\.events\.write\.most is 50000; a table takes 40000/],
    ],
    [
      "provisioned tables beyond the account's quota",
      { capacity: { provisioned: { events: capacity(30_000), tokens: capacity(30_000) } } },
      { accountWriteUnits: 50_000 },
      [/up to 60000 write units; the account's tables take 50000/],
    ],
  ])("find %s", (_, config, limits, expected) => {
    const found = faults(config, limits);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});

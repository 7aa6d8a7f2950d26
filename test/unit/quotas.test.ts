import { describe, expect, it } from "vitest";
import { type AccountLimits, findQuotaErrors } from "../../cli/commands/quotas.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";

/** Default limits of an AWS account in most regions. */
const USUAL: AccountLimits = {
  unreservedConcurrency: 1000,
  tableWriteUnits: 40_000,
  accountWriteUnits: 80_000,
};

const errors = (
  config: MonitoringConfigInput,
  limits: Partial<AccountLimits> = {},
  callsPerSecond?: number,
) =>
  findQuotaErrors(parseMonitoringConfig(config), { ...USUAL, ...limits }, callsPerSecond).map(
    ({ found, advice }) => `${found} → ${advice}`,
  );
const capacity = (max: number) => ({ read: { min: 1, max }, write: { min: 1, max } });

describe("findQuotaErrors", () => {
  it("accepts the defaults in a typical account", () => {
    expect(errors({})).toEqual([]);
  });

  it("reports nothing when the limits are unknown", () => {
    expect(findQuotaErrors(parseMonitoringConfig({}), {})).toEqual([]);
  });

  it("compares the limits with calls to the protected APIs instead of with the admin API's throttle", () => {
    const limits = { unreservedConcurrency: 100, tableWriteUnits: 4000 };
    for (const rateLimit of [1, 10_000, 100_000]) {
      const config = { api: { throttle: { rateLimit } } };
      expect(errors(config, limits)).toEqual([]);
      expect(errors(config, limits, 1000)).toEqual([]);
      expect(errors(config, limits, 3000)).toHaveLength(2);
    }
  });

  it.each<[string, MonitoringConfigInput, Partial<AccountLimits>, RegExp[], number?]>([
    [
      "a new account",
      {},
      { unreservedConcurrency: 10 },
      [
        /^200 calls per second need about 20 concurrent authorizer environments, but the limit is 10 → request a higher Lambda/,
        /the subscriber may use 10 concurrent environments/,
      ],
      200,
    ],
    [
      "too little reserved concurrency for the authorizer",
      { functions: { reservedConcurrency: { Authorizer: 400 } } },
      { unreservedConcurrency: 5000 },
      [/the limit is 400 → increase functions\.reservedConcurrency\.Authorizer/],
      5000,
    ],
    [
      "other functions that reserve nearly all concurrency",
      {},
      { unreservedConcurrency: 10 },
      [/share 10 → .*lower subscriber\.maxConcurrency/],
    ],
    [
      "more writes than a table's quota",
      {},
      { unreservedConcurrency: 5000 },
      [
        /consume 50000 write units on one table, but the limit is 40000 → request a higher DynamoDB/,
      ],
      25_000,
    ],
    [
      "a provisioned table beyond the quota",
      { capacity: { provisioned: { events: capacity(50_000) } } },
      {},
      [/capacity\.provisioned\.events\.write\.max is 50000, but the limit for a table is 40000/],
    ],
    [
      "provisioned tables beyond the account's quota",
      { capacity: { provisioned: { events: capacity(30_000), tokens: capacity(30_000) } } },
      { accountWriteUnits: 50_000 },
      [/up to 60000 write units in total, but the account's limit is 50000/],
    ],
  ])("reports %s", (_, config, limits, expected, callsPerSecond) => {
    const found = errors(config, limits, callsPerSecond);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});

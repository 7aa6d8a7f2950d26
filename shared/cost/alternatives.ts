import type { MonitoringConfigInput } from "../config/monitoring-config.ts";
import { ACCESS_LOG, FIREHOSE_RECORD_BYTES } from "./allowances.ts";
import { type BillLine, billOf, type Part, scaled, sumsOf, type Usage } from "./bill.ts";
import { usageOfMillionCalls, usageOfMonth } from "./estimate.ts";
import { DAYS_A_MONTH, GB, HOURS_A_MONTH, SECONDS_A_MONTH } from "./metering.ts";
import { dollarsOf, type PriceName } from "./prices.ts";
import { PROFILES, type ProfileName, type UsageProfile, usageProfile } from "./usage-profile.ts";

const MILLION = 1_000_000;

/** Typical target utilization for auto scaling. Because of peaks and nights, the real average is lower. */
export const TARGET_UTILIZATION = 0.7;

/** Traffic and settings for which to estimate the cost. */
export interface CostQuestion {
  readonly callsPerSecond: number;
  /** Share of calls that are denied, 0 to 1. */
  readonly failures: number;
  readonly retentionDays: number;
  readonly profile: ProfileName;
}

/** An alternative and its monthly cost. */
export interface Alternative {
  readonly name: string;
  readonly dollars: number;
}

/** Monthly costs. */
export interface CostAnswer {
  readonly callsPerMonth: number;
  /** Costs by part. API Gateway is listed but not included in any sum. */
  readonly lines: readonly BillLine[];
  /** US dollars per month, without API Gateway. */
  readonly dollars: number;
  readonly alternatives: readonly Alternative[];
  /** Utilization at which provisioned capacity costs as much as on-demand capacity. */
  readonly breakEvenUtilization: number;
}

/** Returns the utilization at which provisioned and on-demand write capacity cost the same. */
export function breakEvenUtilization(): number {
  const onDemand = dollarsOf("dynamodb.write", 1);
  const provisioned = dollarsOf("dynamodb.write-capacity", 1) / 3600;
  return provisioned / onDemand;
}

/** Returns the usage if capacity were provisioned and used at this utilization. */
export function provisioned(monthly: readonly Usage[], utilization: number): Usage[] {
  const names: Partial<Record<PriceName, PriceName>> = {
    "dynamodb.write": "dynamodb.write-capacity",
    "dynamodb.read": "dynamodb.read-capacity",
  };
  return monthly.map((usage) => {
    const price = names[usage.price];
    if (!price) return usage;
    const perSecond = usage.quantity / SECONDS_A_MONTH;
    return { ...usage, price, quantity: (perSecond / utilization) * HOURS_A_MONTH };
  });
}

const OF_EVENTS: ReadonlySet<Part> = new Set<Part>([
  "events: items",
  "events: packs",
  "counters",
  "clients, values in use",
  "storage",
]);

/** Returns the usage if the event and counter tables used the Standard-IA table class. */
export function infrequentAccess(monthly: readonly Usage[]): Usage[] {
  const names: Partial<Record<PriceName, PriceName>> = {
    "dynamodb.write": "dynamodb.ia-write",
    "dynamodb.read": "dynamodb.ia-read",
    "dynamodb.storage": "dynamodb.ia-storage",
  };
  return monthly.map((usage) => {
    const price = OF_EVENTS.has(usage.part) ? names[usage.price] : undefined;
    return price ? { ...usage, price } : usage;
  });
}

/** Returns the monthly cost of sending API Gateway's access log to S3 through Firehose, without any processing. */
export function accessLogsInS3(calls: number, retentionDays: number): number {
  const bytes = Math.ceil(ACCESS_LOG.lineBytes / FIREHOSE_RECORD_BYTES) * FIREHOSE_RECORD_BYTES;
  const kept = ACCESS_LOG.lineBytes * ACCESS_LOG.compressedTo * (retentionDays / DAYS_A_MONTH);
  return (
    dollarsOf("firehose.record", (calls * bytes) / GB) +
    dollarsOf("s3.storage", (calls * kept) / GB)
  );
}

function profileOf(question: CostQuestion, name: ProfileName): UsageProfile {
  const config: MonitoringConfigInput = {
    ...PROFILES[name],
    retention: { defaultDays: question.retentionDays },
  };
  const { callsPerSecond, failures } = question;
  return usageProfile({ callsPerSecond, failures, config });
}

/** Returns a profile's monthly usage once events expire as fast as they arrive. */
async function usageOfUsualMonth(question: CostQuestion, name: ProfileName): Promise<Usage[]> {
  const profile = profileOf(question, name);
  const million = await usageOfMillionCalls(profile);
  const calls = question.callsPerSecond * SECONDS_A_MONTH;
  return [...scaled(million, calls / MILLION), ...usageOfMonth(profile)];
}

const dollarsOfMonth = (usages: readonly Usage[]) => sumsOf(billOf(usages)).total;

/**
 * Estimates the monthly cost by part, and the cost of alternatives. Assumes that as many events expire as arrive, which
 * is the case from the fourth month with a retention of 90 days.
 */
export async function estimateCost(question: CostQuestion): Promise<CostAnswer> {
  const names = Object.keys(PROFILES) as ProfileName[];
  const months = new Map<ProfileName, Usage[]>();
  for (const name of names) months.set(name, await usageOfUsualMonth(question, name));
  const month = months.get(question.profile) ?? [];
  const callsPerMonth = question.callsPerSecond * SECONDS_A_MONTH;
  const percent = Math.round(100 * TARGET_UTILIZATION);
  return {
    callsPerMonth,
    lines: billOf(month),
    dollars: dollarsOfMonth(month),
    alternatives: [
      ...names.map((name) => {
        return { name: `${name} profile`, dollars: dollarsOfMonth(months.get(name) ?? []) };
      }),
      {
        name: `${question.profile} profile, provisioned capacity at ${percent} % utilization`,
        dollars: dollarsOfMonth(provisioned(month, TARGET_UTILIZATION)),
      },
      {
        name: `${question.profile} profile, table class Standard-IA`,
        dollars: dollarsOfMonth(infrequentAccess(month)),
      },
      {
        name: "only access logs in S3, for comparison",
        dollars: accessLogsInS3(callsPerMonth, question.retentionDays),
      },
    ],
    breakEvenUtilization: breakEvenUtilization(),
  };
}

import { SAMPLED_ONE_IN } from "../audit-log/event-counts.ts";
import {
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../config/monitoring-config.ts";
import { METRIC_NAMES } from "../core/telemetry.ts";
import { STORED_BYTES, UNITS, type Units } from "./counted-units.ts";
import { type PriceName, toDollars } from "./prices.ts";

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

/** Traffic and settings for which to estimate the cost. */
export interface CostQuestion {
  readonly callsPerSecond: number;
  /** Share of calls that are denied, 0 to 1. */
  readonly failures: number;
  readonly retentionDays: number;
  readonly profile: ProfileName;
}

/** Assumed traffic. The first of the clients makes the most calls, the n-th one about 1/n as many. */
const TRAFFIC = { clients: 20, callsPerToken: 20, secondsBetweenUses: 120, addressChanges: 0.02 };

/** Assumed durations in seconds at 1 GB, including waits for AWS. */
const SECONDS = { call: 0.025, event: 0.0005, batch: 0.025, detectionRun: 1.5, cleanupRun: 1 };

/** Assumed bytes per call. An allowed call logs little, because calls share metrics lines. */
const BYTES = { message: 860, allowedLog: 8, metricsLine: 480, deniedLog: 1060, batchLog: 900 };

/** Lambda polls a queue with at least five pollers. Each waits 20 seconds for a message. A receive takes 10 ms. */
const POLLERS = { count: 5, waitSeconds: 20, receiveSeconds: 0.01, messages: 10 };

/** Metrics that alarms watch. `test/infra/alarms.test.ts` counts them in the template. */
export const ALARM_METRICS = 130;

/** Additional metrics that alarms watch if the OCSF export is enabled. */
export const EXPORT_ALARM_METRICS = 6;

/** AWS bills a month as 730 hours. */
export const SECONDS_A_MONTH = 730 * 3600;
const DAYS_A_MONTH = 730 / 24;
const GB = 1024 ** 3;

/** Events that fit into a transaction. */
const TRANSACTION = 85;

/** Monthly usage of one part of the bill. */
interface Usage {
  readonly part: string;
  readonly price: PriceName;
  readonly quantity: number;
}

/** Utilization at which provisioned write capacity costs as much as on-demand capacity. */
export const BREAK_EVEN_UTILIZATION =
  toDollars("dynamodb.write-capacity", 1) / 3600 / toDollars("dynamodb.write", 1);

/** Shares of the calls that each client makes. */
const CLIENT_SHARES = Array.from(
  { length: TRAFFIC.clients },
  (_, n) => Math.log((n + 2) / (n + 1)) / Math.log(TRAFFIC.clients + 1),
);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * Returns the write units for storing a batch, and how many index entries its events have.
 *
 * @param size events in the batch
 * @param seconds time between the first and the last event
 * @param deniedShare share of denied calls
 */
export function unitsOfBatch(
  size: number,
  seconds: number,
  deniedShare: number,
  { tracking }: Pick<MonitoringConfig, "tracking">,
): { events: number; counters: number; entries: number } {
  const allowed = size * (1 - deniedShare);
  const denied = size * deniedShare;
  // Half of the denied calls have a known token. Each is the only one of its client.
  const known = denied / 2;
  const transactions = Math.max(1, size / TRANSACTION);
  const more = transactions - 1;
  const groups = (count: number) => sum(CLIENT_SHARES.map((share) => 1 - (1 - share) ** count));
  // A batch item covers ten seconds of the clock.
  const spans = 1 + seconds / 10;
  const perSpan = allowed / spans;
  const others = Math.max(0, perSpan - 1);
  const lone = allowed * sum(CLIENT_SHARES.map((share) => share * (1 - share) ** others));
  const items = Math.max(0, spans * groups(perSpan) - lone) + more;
  const growth = Math.max(0, allowed - lone - 10 * items) / 20;
  const addresses = tracking.addressIndex === "all_events" ? allowed : 0;
  const events =
    size * UNITS.event.writes +
    (addresses + known) * UNITS.addressEntry.writes +
    (lone + known) * UNITS.loneEvent.writes +
    items * UNITS.batchItem.writes +
    growth * UNITS.batchItemGrowth.writes;
  const counters =
    (groups(allowed) + more) * UNITS.counters.writes +
    groups(allowed) * UNITS.clientUse.writes +
    (allowed / SAMPLED_ONE_IN) * UNITS.sampledUse.writes +
    denied * (UNITS.deniedCall.writes - UNITS.event.writes) +
    transactions * (1 - (1 - deniedShare) ** (size / transactions)) * UNITS.deniedCounters.writes +
    known * UNITS.counters.writes;
  return { events, counters, entries: addresses + 3 * lone + 4 * known };
}

const usage = (part: string, price: PriceName, quantity: number): Usage => ({
  part,
  price,
  quantity,
});

const units = (part: string, count: number, { reads, writes }: Units) => [
  usage(part, "dynamodb.write", count * writes),
  usage(part, "dynamodb.read", count * reads),
];

const duration = (part: string, count: number, seconds: number) => [
  usage(part, "lambda.request", count),
  usage(part, "lambda.duration", seconds),
];

/** Returns the usage of calls in a month, once as many events expire as arrive. */
function usageOfCalls(
  { callsPerSecond, failures: denied }: CostQuestion,
  config: MonitoringConfig,
) {
  const { subscriber, tracking, archive, retention } = config;
  const calls = callsPerSecond * SECONDS_A_MONTH;
  const perPoller = callsPerSecond / POLLERS.count;
  const size = Math.min(subscriber.batchSize, 1 + perPoller * subscriber.batchWindowSeconds);
  const batches = calls / size;
  const seconds = Math.min(subscriber.batchWindowSeconds, size / perPoller);
  const perBatch = unitsOfBatch(size, seconds, denied, config);

  const interval = tracking.lastUsedIntervalSeconds;
  const due = interval === 0 ? 1 : Math.min(1, TRAFFIC.secondsBetweenUses / interval);
  const written = due + (1 - due) * TRAFFIC.addressChanges;
  const tokens = (calls * (1 - denied)) / TRAFFIC.callsPerToken;

  const item = (bytes: number, days: number) => ((bytes / GB) * days) / DAYS_A_MONTH;
  const entry = item(STORED_BYTES.event + 100, retention.defaultDays);
  const rankings = calls * denied * item(STORED_BYTES.deniedCall + 200, retention.statisticsDays);
  const days = retention.defaultDays + retention.statisticsDays;
  const table = calls * entry + tokens * item(STORED_BYTES.token + 200, days) + rankings;
  const indexes = batches * perBatch.entries * entry + rankings;

  // A send, a receive and a delete. At low rates, each message needs its own receive.
  const received = Math.min(POLLERS.messages, Math.max(1, perPoller * POLLERS.receiveSeconds));
  const deletes = Math.max(1, size / POLLERS.messages);
  const archived = archive.enabled ? (calls * BYTES.message) / GB : 0;
  const metricsLines = Math.min(1, Math.max(0.01, 1 / (5 * callsPerSecond)));
  const logs =
    calls * (BYTES.allowedLog + metricsLines * BYTES.metricsLine + denied * BYTES.deniedLog) +
    batches * BYTES.batchLog;
  return [
    usage("API Gateway", "apigateway.request", calls),
    ...duration("authorizer", calls, calls * SECONDS.call),
    ...units("token and deny list", calls * written, UNITS.call),
    ...units("token and deny list", calls * (1 - written), UNITS.callWithinInterval),
    usage("event bus", "eventbridge.event", calls),
    usage("archive", "eventbridge.archive", archived),
    usage(
      "archive",
      "eventbridge.archive-storage",
      (archived * archive.retentionDays) / DAYS_A_MONTH,
    ),
    usage("queue", "sqs.request", calls + calls / received + batches * deletes),
    ...duration("subscriber", batches, calls * SECONDS.event + batches * SECONDS.batch),
    usage("events", "dynamodb.write", batches * perBatch.events),
    usage("counters", "dynamodb.write", batches * perBatch.counters),
    ...units("counters", tokens, UNITS.newToken),
    usage("storage", "dynamodb.storage", table + indexes),
    usage("recovery", "dynamodb.recovery", table),
    usage("logs", "cloudwatch.logs", logs / GB),
    ...units("expired tokens", tokens, UNITS.deletedToken),
  ];
}

/** Returns the monthly usage that doesn't depend on traffic: keys, empty receives, scheduled runs and metrics. */
function usageOfMonth({ callsPerSecond }: CostQuestion, config: MonitoringConfig): Usage[] {
  const part = "detection and cleanup";
  const detections = SECONDS_A_MONTH / 60 / config.anomalies.everyMinutes;
  const cleanups = SECONDS_A_MONTH / 60 / config.cleanup.everyMinutes;
  // SQS and DynamoDB reuse a data key for five minutes: twice for the sender, once for the receiver, and once for each
  // of nine pairs of a function and a table that it uses all the time.
  const keyRequests = (SECONDS_A_MONTH / 300) * (2 + 1 + 9);
  // A poller is either busy or waiting. The queue for spooled events is always idle.
  const idle = Math.max(0, 1 - (callsPerSecond / POLLERS.count) * POLLERS.waitSeconds) + 1;
  const alarms = ALARM_METRICS + (config.ocsfExport ? EXPORT_ALARM_METRICS : 0);
  const fixed = "metrics, alarms, dashboard";
  return [
    usage("keys", "kms.key", 1),
    usage("keys", "kms.request", keyRequests),
    usage("queue", "sqs.request", (idle * POLLERS.count * SECONDS_A_MONTH) / POLLERS.waitSeconds),
    ...duration(part, detections, detections * SECONDS.detectionRun),
    ...units(part, detections, UNITS.detectionRun),
    // The cleanup function has half a GB.
    ...duration(part, cleanups, (cleanups * SECONDS.cleanupRun) / 2),
    ...units(part, cleanups, UNITS.cleanupRun),
    {
      part: fixed,
      price: "cloudwatch.metric",
      quantity: Object.values(METRIC_NAMES).flat().length,
    },
    usage(fixed, "cloudwatch.alarm", alarms),
    usage(fixed, "cloudwatch.dashboard", 1),
  ];
}

/** Returns the cost by part, and the sum without API Gateway, which exists without this product. */
function createBill(usages: readonly Usage[]) {
  const dollars = new Map<string, number>();
  for (const { part, price, quantity } of usages) {
    dollars.set(part, (dollars.get(part) ?? 0) + toDollars(price, quantity));
  }
  const parts = [...dollars].map(([part, cost]) => ({ part, dollars: cost }));
  const ours = parts.filter(({ part }) => part !== "API Gateway");
  return { parts, total: sum(ours.map((each) => each.dollars)) };
}

function getUsage(question: CostQuestion, profile: ProfileName): Usage[] {
  const retention = { defaultDays: question.retentionDays };
  const config = parseMonitoringConfig({ ...PROFILES[profile], retention });
  return [...usageOfCalls(question, config), ...usageOfMonth(question, config)];
}

/** Returns the usage if capacity were provisioned and 70% used. */
function provisioned(usages: readonly Usage[]): Usage[] {
  return usages.map((usage) => {
    if (usage.price !== "dynamodb.write" && usage.price !== "dynamodb.read") return usage;
    return { ...usage, price: `${usage.price}-capacity`, quantity: usage.quantity / 3600 / 0.7 };
  });
}

/** Returns the usage if the event and counter tables had the Standard-IA table class. */
function infrequentAccess(usages: readonly Usage[]): Usage[] {
  const prices: Partial<Record<PriceName, PriceName>> = {
    "dynamodb.write": "dynamodb.ia-write",
    "dynamodb.read": "dynamodb.ia-read",
    "dynamodb.storage": "dynamodb.ia-storage",
  };
  return usages.map((usage) => {
    const isChanged = ["events", "counters", "storage"].includes(usage.part);
    return { ...usage, price: (isChanged && prices[usage.price]) || usage.price };
  });
}

/** Returns the monthly cost of API Gateway's access log in S3: 420 bytes a call, billed as 5 KB and compressed. */
function accessLogsInS3({ callsPerSecond, retentionDays }: CostQuestion): number {
  const gb = (callsPerSecond * SECONDS_A_MONTH) / GB;
  const kept = 0.15 * 420 * (retentionDays / DAYS_A_MONTH);
  return toDollars("firehose.record", gb * 5 * 1024) + toDollars("s3.storage", gb * kept);
}

/**
 * Estimates the monthly cost by part, and the cost of alternatives. Assumes that as many events expire as arrive, which
 * is the case from the fourth month with a retention of 90 days.
 */
export function estimateCost(question: CostQuestion) {
  const { profile } = question;
  const usages = getUsage(question, profile);
  const names = Object.keys(PROFILES) as ProfileName[];
  return {
    callsPerMonth: question.callsPerSecond * SECONDS_A_MONTH,
    bill: createBill(usages),
    alternatives: [
      ...names.map((name) => ({
        name: `${name} profile`,
        dollars: createBill(getUsage(question, name)).total,
      })),
      {
        name: `${profile} profile, provisioned capacity at 70% utilization`,
        dollars: createBill(provisioned(usages)).total,
      },
      {
        name: `${profile} profile, table class Standard-IA`,
        dollars: createBill(infrequentAccess(usages)).total,
      },
      { name: "only access logs in S3, for comparison", dollars: accessLogsInS3(question) },
    ],
  };
}

import type { EventStore } from "../audit-log/event-writes.ts";
import { storeEvents } from "../audit-log/store-events.ts";
import { SECOND_MS } from "../core/clock.ts";
import { METRIC_NAMES } from "../core/telemetry.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import {
  ALARM_METRICS,
  AUTHORIZER_MS,
  BUS_ENVELOPE_BYTES,
  BUSY_TABLE_USERS,
  CALLS_A_METRICS_LINE,
  CLEANUP_RUN,
  DETECTION_RUN,
  EXPORT_ALARM_METRICS,
  FUNCTION_GB,
  IDLE_POLL_SECONDS,
  LOG_BYTES,
  MESSAGES_A_REQUEST,
  RECEIVE_MS,
  SUBSCRIBER_MS,
} from "./allowances.ts";
import { addedUp, scaled, type Usage } from "./bill.ts";
import { type Gathered, gatherBatches } from "./gather-batches.ts";
import { itemSize } from "./item-size.ts";
import {
  chunks,
  DAYS_A_MONTH,
  GB,
  queueKeyRequests,
  readUnits,
  SECONDS_A_MONTH,
  tableKeyRequests,
} from "./metering.ts";
import { sampleCalls } from "./sample-traffic.ts";
import { SimulatedTables } from "./simulated-tables.ts";
import { usageOfWrite } from "./usage-of-write.ts";
import type { UsageProfile } from "./usage-profile.ts";

/** Number of calls to store before measuring, so that counters are as full as they are mid-hour. */
const CALLS_BEFORE = 1000;
/** Number of calls to measure. */
const SAMPLE_CALLS = 2000;

const MILLION = 1_000_000;

/**
 * Returns how many ReceiveMessage requests the pollers send to receive a number of messages. At low rates, each message
 * needs its own request.
 */
export function receives(messages: number, perSecond: number, pollers: number): number {
  const each = ((perSecond / pollers) * RECEIVE_MS) / SECOND_MS;
  return messages / Math.min(MESSAGES_A_REQUEST, Math.max(1, each));
}

/** Returns the authorizer's usage for one call: Lambda invocation, log and events. */
export function usageOfCall(
  profile: Pick<UsageProfile, "config" | "callsPerSecond">,
  event: OAuthEvent,
): Usage[] {
  const { archive } = profile.config;
  const bytes = Buffer.byteLength(JSON.stringify(event));
  const archived = (bytes + BUS_ENVELOPE_BYTES) / GB;
  const { decision, publish, cpu } = AUTHORIZER_MS;
  const seconds = (decision + publish + cpu) / SECOND_MS;
  return [
    { part: "API Gateway", price: "apigateway.request", quantity: 1 },
    { part: "authorizer", price: "lambda.request", quantity: 1 },
    { part: "authorizer", price: "lambda.duration", quantity: seconds * FUNCTION_GB },
    { part: "event bus", price: "eventbridge.event", quantity: chunks(bytes) },
    { part: "queue", price: "sqs.request", quantity: chunks(bytes + BUS_ENVELOPE_BYTES) },
    ...(archive.enabled
      ? [
          { part: "archive", price: "eventbridge.archive", quantity: archived } as const,
          {
            part: "archive",
            price: "eventbridge.archive-storage",
            quantity: (archived * archive.retentionDays) / DAYS_A_MONTH,
          } as const,
        ]
      : []),
    { part: "logs", price: "cloudwatch.logs", quantity: logOfCall(profile, event) / GB },
  ];
}

/**
 * Bytes that the authorizer logs for one call. Traces aren't included, because the API's owner chooses the sampling
 * rate.
 */
function logOfCall({ callsPerSecond }: Pick<UsageProfile, "callsPerSecond">, event: OAuthEvent) {
  if (event.event_type !== "token_used") return LOG_BYTES.refused;
  const { seconds, most } = CALLS_A_METRICS_LINE;
  const together = Math.min(most, Math.max(1, callsPerSecond * seconds));
  return LOG_BYTES.metricsLine / together + LOG_BYTES.letIn;
}

/** Returns the capacity that one token use consumes in the tokens table and for the deny list check. */
function usageOfToken({ config, secondsBetweenUses, moves }: UsageProfile): Usage[] {
  const part = "last use of tokens";
  const position: Usage = { part: "restrictions", price: "dynamodb.read", quantity: 1 };
  const { lastUsedIntervalSeconds: interval } = config.tracking;
  if (interval === 0) return [{ part, price: "dynamodb.write", quantity: 1 }, position];
  const due = Math.min(1, secondsBetweenUses / interval);
  return [
    position,
    { part, price: "dynamodb.read", quantity: 1 },
    { part, price: "dynamodb.write", quantity: due + (1 - due) * moves },
  ];
}

/** Returns the usage for one subscriber invocation, without DynamoDB. */
export function usageOfBatch(
  batch: { readonly events: number; readonly transactions: number; readonly roundTrips: number },
  messagesPerSecond: number,
  pollers: number,
): Usage[] {
  const ms =
    batch.events * SUBSCRIBER_MS.event +
    batch.transactions * SUBSCRIBER_MS.transaction +
    batch.roundTrips * SUBSCRIBER_MS.roundTrip;
  const requests =
    receives(batch.events, messagesPerSecond, pollers) +
    Math.ceil(batch.events / MESSAGES_A_REQUEST);
  const log = LOG_BYTES.batch + batch.events * LOG_BYTES.event;
  return [
    { part: "queue", price: "sqs.request", quantity: requests },
    { part: "subscriber", price: "lambda.request", quantity: 1 },
    {
      part: "subscriber",
      price: "lambda.duration",
      quantity: (Math.ceil(ms) / SECOND_MS) * FUNCTION_GB,
    },
    { part: "logs", price: "cloudwatch.logs", quantity: log / GB },
  ];
}

/** Table names used in the simulation. */
const SIMULATED_STORE = {
  eventsTable: "EVENTS_TABLE",
  countersTable: "COUNTERS_TABLE",
  issuancesTable: "ISSUANCES_TABLE",
  clientsTable: "CLIENTS_TABLE",
} as const;

/** Stores batches in memory by running the subscriber's own code. */
class SimulatedSubscriber {
  readonly #tables = new SimulatedTables();
  readonly #entered = new Map<string, number>();

  constructor(private readonly profile: UsageProfile) {}

  async store({ items, atMs }: Gathered<OAuthEvent>): Promise<Usage[]> {
    const { config, callsPerSecond, pollers } = this.profile;
    const store: EventStore = { ...SIMULATED_STORE, db: this.#tables.db, config };
    const traffic = this.#tables.begin();
    const options = { clock: () => atMs, entered: this.#entered };
    const { stored } = await storeEvents(store, items, options);
    if (stored.length !== items.length) throw new Error("the cost model did not store every event");
    const { TransactWrite: transactions = 0, ...others } = traffic.calls;
    const batch = {
      events: items.length,
      transactions: Math.ceil(transactions / config.shards.counters.write),
      // Calls of the same operation run concurrently.
      roundTrips: Object.values(others).length,
    };
    return [
      ...traffic.writes.flatMap((write) => usageOfWrite(write, atMs)),
      ...traffic.reads.map((item): Usage => {
        const quantity = readUnits(item ? itemSize(item) : 0);
        return { part: "reads", price: "dynamodb.read", quantity };
      }),
      ...usageOfBatch(batch, callsPerSecond, pollers),
    ];
  }
}

/**
 * Returns a profile's usage for a million calls, measured by storing a sample with the subscriber's own code. Storage
 * covers the whole retention period, in GB-months.
 */
export async function usageOfMillionCalls(profile: UsageProfile): Promise<Usage[]> {
  const { batchSize, batchWindowSeconds } = profile.config.subscriber;
  const [before = [], events = []] = sampleCalls(profile, [CALLS_BEFORE, SAMPLE_CALLS]);
  const gathered = (calls: readonly OAuthEvent[]) =>
    gatherBatches(calls, ({ occurred_at }) => Date.parse(occurred_at), {
      batchSize,
      windowMs: batchWindowSeconds * SECOND_MS,
      pollers: profile.pollers,
    });
  const subscriber = new SimulatedSubscriber(profile);
  const batches = gathered(events);
  for (const batch of gathered(before)) await subscriber.store(batch);
  const usages = events.flatMap((event) => [
    ...usageOfCall(profile, event),
    ...usageOfToken(profile),
  ]);
  for (const batch of batches) usages.push(...(await subscriber.store(batch)));
  return scaled(addedUp(usages), MILLION / events.length);
}

/** Returns the monthly usage that doesn't depend on traffic: keys, scheduled runs and metrics. */
export function usageOfMonth(profile: UsageProfile): Usage[] {
  const { config } = profile;
  const minutes = SECONDS_A_MONTH / 60;
  const detections = minutes / config.anomalies.everyMinutes;
  const cleanups = minutes / config.cleanup.everyMinutes;
  const schedule = { part: "detection, cleanup" } as const;
  const runs = [
    { count: detections, run: DETECTION_RUN, gb: FUNCTION_GB },
    { count: cleanups, run: CLEANUP_RUN, gb: FUNCTION_GB / 2 },
  ];
  const requests =
    queueKeyRequests(SECONDS_A_MONTH, 1, 1) + tableKeyRequests(SECONDS_A_MONTH, BUSY_TABLE_USERS);
  const metrics = Object.values(METRIC_NAMES).reduce((sum, names) => sum + names.length, 0);
  const fixed = { part: "metrics, alarms, dashboard" } as const;
  // A poller is either busy or waiting for a message. Requests by busy pollers are already counted with the messages.
  const { callsPerSecond, pollers } = profile;
  const idle = Math.max(0, 1 - (callsPerSecond / pollers) * IDLE_POLL_SECONDS);
  const emptyReceives = (pollers * SECONDS_A_MONTH) / IDLE_POLL_SECONDS;
  return [
    { part: "keys", price: "kms.key", quantity: 1 },
    { part: "keys", price: "kms.request", quantity: requests },
    // The queue for spooled events is always idle, so every receive from that queue is empty.
    { part: "queue", price: "sqs.request", quantity: (idle + 1) * emptyReceives },
    ...runs.flatMap(({ count, run, gb }): Usage[] => [
      { ...schedule, price: "lambda.request", quantity: count },
      { ...schedule, price: "lambda.duration", quantity: count * run.seconds * gb },
      { ...schedule, price: "dynamodb.read", quantity: count * run.readUnits },
      { ...schedule, price: "dynamodb.write", quantity: count * run.writeUnits },
    ]),
    { ...fixed, price: "cloudwatch.metric", quantity: metrics },
    {
      ...fixed,
      price: "cloudwatch.alarm",
      quantity: ALARM_METRICS + (config.ocsfExport ? EXPORT_ALARM_METRICS : 0),
    },
    { ...fixed, price: "cloudwatch.dashboard", quantity: 1 },
  ];
}

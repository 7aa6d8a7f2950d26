import type { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import type { EventStore } from "../../shared/audit-log/event-writes.ts";
import { type StoreOutcome, storeEvents } from "../../shared/audit-log/store-events.ts";
import type { RegistrationMemory } from "../../shared/audit-log/values-in-use.ts";
import { retentionDays } from "../../shared/config/event-retention.ts";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { type Clock, DAY_MS } from "../../shared/core/clock.ts";
import { getRequestId, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import {
  addEnrichment,
  type IpEnricher,
} from "../../shared/integrations/ip-enrichment/ip-enricher.ts";
import type { ProviderAdapter } from "../../shared/integrations/providers/provider-adapter.ts";
import { parseBusMessage } from "../../shared/integrations/providers/provider-adapters.ts";
import type { FunctionMetrics } from "../runtime/metrics.ts";
import { returnMessages, sendDeadLetter } from "./failed-messages.ts";
import { type BatchPublisher, publishBatches } from "./publish-batches.ts";

/** The outcome of a batch of messages. */
interface BatchOutcome extends Pick<StoreOutcome, "stored"> {
  /** Messages with a duplicate event: it was stored earlier (even if removed since), or is repeated in the batch. */
  readonly duplicates: number;
  /** Messages that can never be stored. */
  readonly rejected: number;
  /** Messages that SQS delivers again. */
  readonly retried: number;
}

const occurrences = (events: readonly OAuthEvent[], eventType: string) =>
  events.filter((event) => event.event_type === eventType).length;

/**
 * Records a batch's metrics: the outcome, the delay of each stored event, and the number of security events from all
 * producers.
 */
export function measureBatch(
  metrics: FunctionMetrics<"subscriber">,
  { stored, duplicates, rejected, retried }: BatchOutcome,
  storedAtMs: number,
): void {
  metrics.count("EventsStored", stored.length);
  metrics.count("EventsDuplicate", duplicates);
  metrics.count("EventsRejected", rejected);
  metrics.count("EventsRetried", retried);
  metrics.count("AuthFailed", occurrences(stored, "auth_failed"));
  metrics.count("ScopeViolation", occurrences(stored, "scope_violation"));
  metrics.count("SuspiciousActivity", occurrences(stored, "suspicious_activity"));
  for (const { occurred_at } of stored) {
    // A producer's clock may be ahead.
    metrics.milliseconds("EventLag", Math.max(0, storedAtMs - Date.parse(occurred_at)));
  }
  metrics.publish();
}

/** Dependencies of the subscriber, and its state between batches. */
export interface Subscriber extends BatchPublisher {
  readonly store: EventStore;
  /**
   * Adapters for providers' events.
   *
   * @default - the providers that need no mapping
   */
  readonly adapters?: readonly ProviderAdapter[];
  /** IP enrichment. Without it, events keep the enrichment that they arrive with. */
  readonly enricher?: IpEnricher;
  /** Updates the databases for IP enrichment. */
  readonly refresh?: () => Promise<void>;
  readonly registered: RegistrationMemory;
  readonly shardCount: CounterShardCount;
  readonly sqs: SQSClient;
  readonly bufferQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly metrics: FunctionMetrics<"subscriber">;
}

/** Returns the IDs that link a log line to the audit log and to the request. */
const getNames = (event: OAuthEvent) => ({ event_id: event.id, request_id: getRequestId(event) });

/** Sends a message to the dead-letter queue. If this fails, SQS delivers the message again. */
async function giveUp(
  { sqs, deadLetterQueueUrl, logger }: Subscriber,
  record: SQSRecord,
  event: OAuthEvent | undefined,
  reason: string,
): Promise<boolean> {
  const names = { message_id: record.messageId, ...(event && getNames(event)) };
  try {
    await sendDeadLetter(sqs, deadLetterQueueUrl, record.body, reason);
    logger.warn("An event cannot be stored; it was moved to the dead-letter queue", {
      ...names,
      reason,
    });
    return true;
  } catch (error) {
    logger.error("The dead-letter queue does not respond", { ...names, cause: String(error) });
    return false;
  }
}

/**
 * Whether a replayed event is older than its retention. Such an event was already stored and removed, and storing it
 * would count it again.
 */
function isOver(config: MonitoringConfig, event: OAuthEvent, nowMs: number): boolean {
  const keptMs = retentionDays(config, event.event_type) * DAY_MS;
  return Date.parse(event.occurred_at) + keptMs <= nowMs;
}

/** Makes SQS deliver messages again within seconds. If this fails, the visibility timeout applies. */
async function giveBack(
  { sqs, bufferQueueUrl, logger }: Subscriber,
  records: readonly SQSRecord[],
): Promise<void> {
  try {
    const rejected = await returnMessages(sqs, bufferQueueUrl, records);
    if (rejected > 0)
      logger.warn(
        "Failed to set the retry delay of some events; the queue will redeliver them late",
        { count: rejected },
      );
  } catch (error) {
    logger.warn("Failed to set the retry delay of the events; the queue will redeliver them late", {
      count: records.length,
      cause: String(error),
    });
  }
}

/** Milliseconds after the deadline until unfinished work is abandoned. */
const GRACE_MS = 2000;

/**
 * Rejects shortly after the deadline.
 *
 * @param deadlineMs epoch milliseconds
 */
async function withinDeadline<T>(work: Promise<T>, deadlineMs: number, clock: Clock): Promise<T> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return work;
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const expire = () => reject(new Error("a service did not respond before the deadline"));
    timer = setTimeout(expire, Math.max(0, deadlineMs - clock()) + GRACE_MS);
  });
  return Promise.race([work, overdue]).finally(() => clearTimeout(timer));
}

/**
 * Stores each event of a batch once. Returns the messages that SQS must deliver again, which are all messages if an
 * unexpected error occurs. Never throws.
 *
 * @param deadlineMs end of storing in epoch milliseconds. The remaining messages go back to the queue.
 */
export async function storeBatch(
  subscriber: Subscriber,
  event: SQSEvent,
  deadlineMs: number,
): Promise<SQSBatchResponse> {
  const { clock, logger, metrics } = subscriber;
  const { Records } = event;
  try {
    return await withinDeadline(tryBatch(subscriber, event, deadlineMs), deadlineMs, clock);
  } catch (error) {
    logger.error("The batch failed; its messages will be retried", {
      count: Records.length,
      cause: String(error),
    });
    await giveBack(subscriber, Records);
    metrics.count("EventsRetried", Records.length);
    metrics.publish();
    return { batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  }
}

/** Adds IP enrichment to the event. Returns the event unchanged if this fails. */
function enriched({ enricher, logger }: Subscriber, event: OAuthEvent): OAuthEvent {
  if (!enricher) return event;
  try {
    return addEnrichment(event, enricher);
  } catch (error) {
    logger.warn("IP enrichment of an event failed", {
      ...getNames(event),
      cause: String(error),
    });
    return event;
  }
}

async function tryBatch(
  subscriber: Subscriber,
  { Records }: SQSEvent,
  deadlineMs: number,
): Promise<SQSBatchResponse> {
  const { store, adapters, registered, shardCount, clock, logger, metrics } = subscriber;
  const refreshed = subscriber.refresh?.().catch((error: unknown) => {
    logger.warn("The IP enrichment databases could not be refreshed", { cause: String(error) });
  });
  const parsed = Records.map((record) => ({
    record,
    message: parseBusMessage(record.body, adapters),
  }));
  const nowMs = clock();
  const found = parsed.flatMap(({ record, message }) =>
    "event" in message ? [{ record, ...message }] : [],
  );
  const good = found.filter(
    ({ event, replayed }) => !(replayed && isOver(store.config, event, nowMs)),
  );
  const batches = parsed.flatMap(({ record, message }) =>
    "batch" in message
      ? [
          {
            record,
            events: message.batch.filter(
              (event) => !(message.replayed && isOver(store.config, event, nowMs)),
            ),
          },
        ]
      : [],
  );
  const outcome = await storeEvents(
    store,
    good.map(({ event }) => enriched(subscriber, event)),
    { clock, registered: registered.at(nowMs), shardCount, deadlineMs },
  );
  const storedAtMs = clock();
  const unpublished = await publishBatches(subscriber, batches, deadlineMs);

  const retryIds = new Set(outcome.retry.map(({ event }) => event.id));
  const rejectedReasons = new Map(outcome.rejected.map(({ event, reason }) => [event.id, reason]));
  const failures = new Set(unpublished.map(({ messageId }) => messageId));
  let rejected = 0;
  for (const { record, event } of good) if (retryIds.has(event.id)) failures.add(record.messageId);
  for (const { record, message } of parsed) {
    if ("batch" in message) continue;
    const event = "event" in message ? message.event : undefined;
    const reason = "event" in message ? rejectedReasons.get(message.event.id) : message.reason;
    if (reason === undefined) continue;
    rejected += 1;
    if (!(await giveUp(subscriber, record, event, reason))) failures.add(record.messageId);
  }
  const [first] = outcome.retry;
  if (first) {
    logger.warn("Failed to store some events; they will be retried", {
      count: failures.size,
      reason: first.reason,
      events: outcome.retry.map(({ event }) => getNames(event)),
    });
  }
  const returned = Records.filter(({ messageId }) => failures.has(messageId));
  if (returned.length > 0) await giveBack(subscriber, returned);
  if (outcome.stored.length > 0) {
    logger.debug("Events stored", { events: outcome.stored.map(getNames) });
  }
  const inStore = new Set([...outcome.stored, ...outcome.duplicates].map(({ id }) => id));
  measureBatch(
    metrics,
    {
      stored: outcome.stored,
      duplicates:
        good.filter(({ event }) => inStore.has(event.id)).length -
        outcome.stored.length +
        (found.length - good.length),
      rejected,
      retried: failures.size,
    },
    storedAtMs,
  );
  // Lambda freezes work that is still running after the response.
  await refreshed;
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
}

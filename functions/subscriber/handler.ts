import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { storeEvents } from "../../shared/events/store-events.ts";
import { requestIdOf } from "../../shared/events/stored-event.ts";
import { giveUpAfter } from "../../shared/request-timeouts.ts";
import type { EnteredValues } from "../../shared/statistics/values-in-use.ts";
import { logLambdaContext } from "../runtime/log-context.ts";
import { logger } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { measureBatch } from "./batch-metrics.ts";
import { parseBusMessage } from "./bus-message.ts";
import { sendDeadLetter } from "./dead-letters.ts";

const environment = readEnvironment(process.env, [
  "EVENTS_TABLE",
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "CLIENTS_TABLE",
  "DEAD_LETTER_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("subscriber", environment.OAUTH_MONITORING_STACK);
const client = createDocumentClient("background");
const sqs = new SQSClient({ requestHandler: giveUpAfter(5000) });
const entered: EnteredValues = new Map();

/** What joins a log line with the audit log, and with the request that the event came from. */
const namesOf = (event: OAuthEvent) => ({ event_id: event.id, request_id: requestIdOf(event) });

/** Sets a record aside for good; without success it is delivered again. */
async function setAside(
  record: SQSRecord,
  event: OAuthEvent | undefined,
  reason: string,
): Promise<boolean> {
  const names = { message_id: record.messageId, ...(event && namesOf(event)) };
  try {
    await sendDeadLetter(sqs, environment.DEAD_LETTER_QUEUE_URL, record.body, reason);
    logger.warn("An event cannot be stored; it is in the dead-letter queue", {
      ...names,
      reason,
    });
    return true;
  } catch (error) {
    logger.error("The dead-letter queue does not answer", { ...names, cause: String(error) });
    return false;
  }
}

async function storeBatch({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const parsed = Records.map((record) => ({ record, message: parseBusMessage(record.body) }));
  const good = parsed.flatMap(({ record, message }) =>
    "event" in message ? [{ record, event: message.event }] : [],
  );
  const outcome = await storeEvents(
    {
      client,
      eventsTable: environment.EVENTS_TABLE,
      countersTable: environment.COUNTERS_TABLE,
      issuancesTable: environment.ISSUANCES_TABLE,
      clientsTable: environment.CLIENTS_TABLE,
      config: environment.OAUTH_MONITORING_CONFIG,
    },
    good.map(({ event }) => event),
    { clock: systemClock, entered },
  );
  const storedAtMs = systemClock();

  const retryIds = new Set(outcome.retry.map(({ event }) => event.id));
  const rejectedReasons = new Map(outcome.rejected.map(({ event, reason }) => [event.id, reason]));
  const failures = new Set<string>();
  let rejected = 0;
  for (const { record, event } of good) if (retryIds.has(event.id)) failures.add(record.messageId);
  for (const { record, message } of parsed) {
    const event = "event" in message ? message.event : undefined;
    const reason = "event" in message ? rejectedReasons.get(message.event.id) : message.reason;
    if (reason === undefined) continue;
    rejected += 1;
    if (!(await setAside(record, event, reason))) failures.add(record.messageId);
  }
  const [first] = outcome.retry;
  if (first) {
    logger.warn("The store is busy; events will be delivered again", {
      count: failures.size,
      reason: first.reason,
      events: outcome.retry.map(({ event }) => namesOf(event)),
    });
  }
  if (outcome.stored.length > 0) {
    logger.info("Events are stored", { events: outcome.stored.map(namesOf) });
  }
  const inStore = new Set([...outcome.stored, ...outcome.duplicates].map(({ id }) => id));
  measureBatch(
    metrics,
    {
      stored: outcome.stored,
      duplicates: good.filter(({ event }) => inStore.has(event.id)).length - outcome.stored.length,
      rejected,
      retried: failures.size,
    },
    storedAtMs,
  );
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Stores a batch of events; answers which messages SQS must deliver again. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler(storeBatch);

import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { storeEvents } from "../../shared/events/store-events.ts";
import { giveUpAfter } from "../../shared/request-timeouts.ts";
import type { EnteredValues } from "../../shared/statistics/values-in-use.ts";
import { logger } from "../runtime/logger.ts";
import { parseBusMessage } from "./bus-message.ts";
import { sendDeadLetter } from "./dead-letters.ts";

const environment = readEnvironment(process.env, [
  "EVENTS_TABLE",
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "CLIENTS_TABLE",
  "DEAD_LETTER_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
]);
const client = createDocumentClient("background");
const sqs = new SQSClient({ requestHandler: giveUpAfter(5000) });
const entered: EnteredValues = new Map();

/** Sets a record aside for good; without success it is delivered again. */
async function setAside(record: SQSRecord, reason: string): Promise<boolean> {
  try {
    await sendDeadLetter(sqs, environment.DEAD_LETTER_QUEUE_URL, record.body, reason);
    logger.warn("An event cannot be stored; it is in the dead-letter queue", {
      message_id: record.messageId,
      reason,
    });
    return true;
  } catch (error) {
    logger.error("The dead-letter queue does not answer", { cause: String(error) });
    return false;
  }
}

/** Stores a batch of events; answers which messages SQS must deliver again. */
export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
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

  const retryIds = new Set(outcome.retry.map(({ event }) => event.id));
  const rejectedReasons = new Map(outcome.rejected.map(({ event, reason }) => [event.id, reason]));
  const failures = new Set<string>();
  for (const { record, event } of good) if (retryIds.has(event.id)) failures.add(record.messageId);
  for (const { record, message } of parsed) {
    const reason = "event" in message ? rejectedReasons.get(message.event.id) : message.reason;
    if (reason !== undefined && !(await setAside(record, reason))) failures.add(record.messageId);
  }
  const [first] = outcome.retry;
  if (first) {
    logger.warn("The store is busy; events will be delivered again", {
      count: failures.size,
      reason: first.reason,
    });
  }
  return { batchItemFailures: [...failures].map((itemIdentifier) => ({ itemIdentifier })) };
});

import { SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import { RegistrationMemory } from "../../shared/audit-log/values-in-use.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import { loadAdapters } from "../../shared/integrations/providers/provider-adapters.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { openEnrichment } from "../runtime/open-enrichment.ts";
import { readTables } from "../runtime/read-tables.ts";
import { type Subscriber, storeBatch } from "./store-batch.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "BUFFER_QUEUE_URL",
  "EVENT_BUS_NAME",
  "DEAD_LETTER_QUEUE_URL",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
  "IP_ENRICHMENT_BUCKET",
]);
/** Time before the function's deadline that is reserved for returning messages to the queue. */
const RESERVE_MS = 10_000;

let sink: EventSink | undefined;

/**
 * Opens the bus when the first provider batch arrives. Few stacks receive provider batches, so loading the code here
 * keeps cold starts short.
 */
async function openSink(): Promise<EventSink> {
  const { busSink } = await import("../../adapters/events/event-sink.ts");
  sink ??= busSink(environment.EVENT_BUS_NAME, logger);
  return sink;
}

const subscriber: Subscriber = {
  store: {
    db: createDocumentClient("background"),
    ...readTables("CLIENTS_TABLE", "EVENTS_TABLE", "COUNTERS_TABLE", "ISSUANCES_TABLE"),
    config: environment.OAUTH_MONITORING_CONFIG,
  },
  adapters: await loadAdapters(environment.OAUTH_MONITORING_CONFIG.providers.mappings),
  ...(await openEnrichment({
    parameters: environment.OAUTH_MONITORING_CONFIG.ipEnrichment,
    bucket: environment.IP_ENRICHMENT_BUCKET,
    clock: systemClock,
    logger,
  })),
  registered: new RegistrationMemory(),
  shardCount: new CounterShardCount(environment.OAUTH_MONITORING_CONFIG.shards.counters.write),
  openSink,
  sqs: new SQSClient({ requestHandler: giveUpAfter(5000) }),
  bufferQueueUrl: environment.BUFFER_QUEUE_URL,
  deadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
  clock: systemClock,
  logger,
  metrics: createMetrics("subscriber", environment.OAUTH_MONITORING_STACK),
};

/** Stores a batch of events. Returns the messages that SQS must deliver again. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler((event, context) => {
    const deadlineMs = systemClock() + context.getRemainingTimeInMillis() - RESERVE_MS;
    return storeBatch(subscriber, event, deadlineMs);
  });

import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { systemClock } from "../core/clock.ts";
import { createDocumentClient } from "../core/document-client.ts";
import { forEachTable, type TableLabel, tableContextKey, tableLabel } from "../core/tables.ts";
import type { Logger } from "../core/telemetry.ts";
import { createEventPublisher } from "../events/event-publisher.ts";

/** The parts of a local or deployed stack that the command line uses. */
export interface StackDescription {
  readonly tables: Readonly<Record<TableLabel, string>>;
  readonly eventBusName: string;
  readonly eventBusArn: string;
  /** ARN of the EventBridge rule that sends events to be stored. */
  readonly storedRuleArn: string;
  /** Undefined if the configuration doesn't enable an archive. */
  readonly archiveArn: string | undefined;
  readonly bufferQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** ARN of the topic for alarms and alerts. Undefined for a local stack, where the topic has no subscribers. */
  readonly alarmTopicArn?: string | undefined;
  /** Bucket that contains the IP enrichment databases. Undefined if the configuration doesn't name any databases. */
  readonly ipEnrichmentBucket?: string | undefined;
  readonly config: MonitoringConfig;
  /** Endpoints and credentials for the local services. Absent on AWS. */
  readonly dynamodb?: LocalService;
  readonly messaging?: LocalService;
  readonly s3?: LocalService;
}

/** SDK client options for a local service. */
export interface LocalService {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Logs warnings and errors to stderr, so that stdout contains only output for scripts. */
const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

/** Returns the context for a stack, including its queues, topic and bucket. */
export function openTarget(stack: StackDescription) {
  const { tables } = stack;
  const eventBridge = new EventBridgeClient({ ...stack.messaging });
  return {
    db: createDocumentClient("background", { ...stack.dynamodb }),
    ...forEachTable(tableContextKey, (variable) => tables[tableLabel(variable)]),
    config: stack.config,
    clock: systemClock,
    logger,
    sink: createEventPublisher({
      eventBridge,
      eventBusName: stack.eventBusName,
      logger,
    }),
    eventBridge,
    eventBusArn: stack.eventBusArn,
    storedRuleArn: stack.storedRuleArn,
    archiveArn: stack.archiveArn,
    sqs: new SQSClient({ ...stack.messaging }),
    bufferQueueUrl: stack.bufferQueueUrl,
    deadLetterQueueUrl: stack.deadLetterQueueUrl,
    alarmTopicArn: stack.alarmTopicArn,
    ipEnrichmentBucket: stack.ipEnrichmentBucket,
    /** Options for S3 clients. */
    s3: stack.s3,
    /** Options for the other messaging clients. */
    messaging: stack.messaging,
  };
}

export type Target = ReturnType<typeof openTarget>;

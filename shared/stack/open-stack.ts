import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { systemClock } from "../core/clock.ts";
import { createDocumentClient } from "../core/document-client.ts";
import type { Logger } from "../core/logger.ts";
import { forEachTable, type TableLabel, tableContextKey, tableLabel } from "../core/table-names.ts";
import { createEventPublisher } from "../events/event-publisher.ts";

/** What the command line needs to know about a local or deployed stack. */
export interface StackDescription {
  readonly tables: Readonly<Record<TableLabel, string>>;
  readonly eventBusName: string;
  readonly eventBusArn: string;
  /** The ARN of the rule that sends events to be stored. */
  readonly storedRuleArn: string;
  /** Undefined when the configuration has no archive. */
  readonly archiveArn: string | undefined;
  readonly bufferQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** Where alarms and alerts go. Undefined for a local stack, to whose topic nobody subscribes. */
  readonly alarmTopicArn?: string | undefined;
  /** Where the databases of origins are. Undefined where the configuration names none. */
  readonly originsBucket?: string | undefined;
  readonly config: MonitoringConfig;
  /** The endpoint and credentials of the local services; absent for AWS. */
  readonly dynamodb?: LocalService;
  readonly messaging?: LocalService;
  readonly s3?: LocalService;
}

/** The options of an SDK client of a local service. */
export interface LocalService {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Warnings go to stderr, so that scripts can read stdout. */
const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

/** A context of the library for a stack, with the stack's queues. */
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
    originsBucket: stack.originsBucket,
    /** The options of clients of S3. */
    s3: stack.s3,
    /** The options of further clients of the services that carry messages. */
    messaging: stack.messaging,
  };
}

export type Target = ReturnType<typeof openTarget>;

import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { createDocumentClient } from "../dynamodb/document-client.ts";
import {
  forEachTable,
  type TableLabel,
  tableContextKey,
  tableLabel,
} from "../dynamodb/table-names.ts";
import type { Logger } from "../telemetry/logger.ts";
import { systemClock } from "../time/clock.ts";
import { createEventPublisher } from "../tracking/event-publisher.ts";

/** What the CLI must know of a stack, local or deployed. */
export interface StackDescription {
  readonly tables: Readonly<Record<TableLabel, string>>;
  readonly eventBusName: string;
  readonly eventBusArn: string;
  /** Of the rule that brings events to be stored. */
  readonly storedRuleArn: string;
  /** Undefined where the configuration wants no archive. */
  readonly archiveArn: string | undefined;
  readonly bufferQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly config: MonitoringConfig;
  /** Where the local services answer, and with which access; absent for AWS. */
  readonly dynamodb?: LocalService;
  readonly messaging?: LocalService;
}

/** What a client of a local service is made with. */
export interface LocalService {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Warnings go to stderr, where they do not disturb what a script reads. */
const logger: Logger = {
  info: () => {},
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

/** The library over a stack, and its queues. */
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
  };
}

export type Target = ReturnType<typeof openTarget>;

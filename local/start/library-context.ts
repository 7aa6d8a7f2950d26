import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import {
  type Environment,
  readEnvironment,
  withConfigFile,
} from "../../shared/config/environment.ts";
import type { Clock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import {
  forEachTable,
  TABLE_VARIABLES,
  tableConstructId,
  tableContextKey,
} from "../../shared/core/tables.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import type { LocalStack } from "./local-stack.ts";

/** Variables that every stack has, regardless of its configuration. */
type DeployedEnvironment = Omit<
  Environment,
  | "SIGNALS_TABLE"
  | "SIGNING_KEY_ARNS"
  | "SEALING_KEY_ARN"
  | "SIGNAL_ISSUER"
  | "SIGNAL_PUSH_QUEUE_URL"
  | "SIGNAL_EVENT_QUEUE_URL"
  | "WEBHOOK_QUEUE_URLS"
  | "APPROVAL_KEY_ARN"
  | "APPROVAL_PAGE_URL"
>;

/** Reads the environment of the deployed functions: names of tables, bus and queues, and the configuration. */
export function deployedEnvironment(stack: LocalStack): DeployedEnvironment {
  const variables = Object.assign(
    // Lists all tables, even those that no function reads.
    forEachTable(
      (variable) => variable,
      (variable) => stack.named("table", `Data${tableConstructId(variable)}`),
    ),
    ...stack.functionNames.map((name) => stack.functions.variables(name)),
  );
  const { LAMBDA_TASK_ROOT } = stack.functions.variables(stack.named("function", "Subscriber"));
  return readEnvironment(withConfigFile({ ...variables, LAMBDA_TASK_ROOT }), [
    ...TABLE_VARIABLES,
    "EVENT_BUS_NAME",
    "UNPUBLISHED_QUEUE_URL",
    "BUFFER_QUEUE_URL",
    "DEAD_LETTER_QUEUE_URL",
    "IP_ENRICHMENT_BUCKET",
    "ALERT_TOPIC_ARN",
    "OAUTH_MONITORING_CONFIG",
    "OAUTH_MONITORING_STACK",
  ]);
}

/**
 * Long timeouts for demo data and tests. The stack runs in the same process, and on a busy machine it may take a second
 * to accept a connection.
 */
const PATIENT = { connectionTimeout: 30_000, requestTimeout: 60_000, throwOnRequestTimeout: true };

/** Creates a library context for a local stack, to write demo data and to set up tests. */
export function libraryContext(stack: LocalStack, clock: Clock, logger: Logger) {
  const environment = deployedEnvironment(stack);
  const aws = { ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint };
  return {
    db: createDocumentClient("background", {
      ...LOCAL_ACCESS,
      endpoint: stack.dynamodbEndpoint,
      requestHandler: PATIENT,
    }),
    ...forEachTable(tableContextKey, (variable) => environment[variable]),
    config: environment.OAUTH_MONITORING_CONFIG,
    clock,
    logger,
    sink: createEventPublisher({
      eventBridge: new EventBridgeClient(aws),
      eventBusName: environment.EVENT_BUS_NAME,
      spool: createUnpublishedQueue({
        sqs: new SQSClient(aws),
        queueUrl: environment.UNPUBLISHED_QUEUE_URL,
      }),
      logger,
    }),
  };
}

export type LibraryContext = ReturnType<typeof libraryContext>;

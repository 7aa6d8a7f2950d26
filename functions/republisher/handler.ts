import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { busSink } from "../../adapters/events/event-sink.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { type Republisher, republishBatch } from "./republish-batch.ts";

const { EVENT_BUS_NAME, OAUTH_MONITORING_STACK } = readEnvironment(process.env, [
  "EVENT_BUS_NAME",
  "OAUTH_MONITORING_STACK",
]);
const republisher: Republisher = {
  bus: busSink(EVENT_BUS_NAME, logger),
  logger,
  metrics: createMetrics("republisher", OAUTH_MONITORING_STACK),
};

/** Republishes spooled events to the bus. */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(logLambdaContext())
  .handler((event) => republishBatch(republisher, event));

import { SNSClient } from "@aws-sdk/client-sns";
import middy from "@middy/core";
import * as z from "zod";
import { busSink } from "../../doors/publishing/event-sink.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { type DetectionRun, detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import { createDocumentClient } from "../../shared/dynamodb/document-client.ts";
import { giveUpAfter } from "../../shared/sdk/request-timeouts.ts";
import { instantSchema, systemClock } from "../../shared/time/clock.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { topicNotifier } from "./topic-notifier.ts";

const environment = readEnvironment(process.env, [
  "EVENTS_TABLE",
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "ALERTS_TABLE",
  "EVENT_BUS_NAME",
  "ALERT_TOPIC_ARN",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("anomalies", environment.OAUTH_MONITORING_STACK);
const context = {
  db: createDocumentClient("background"),
  eventsTable: environment.EVENTS_TABLE,
  countersTable: environment.COUNTERS_TABLE,
  issuancesTable: environment.ISSUANCES_TABLE,
  alertsTable: environment.ALERTS_TABLE,
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
  sink: busSink(environment.EVENT_BUS_NAME, logger),
  notify: topicNotifier(
    new SNSClient({ requestHandler: giveUpAfter(5000) }),
    environment.ALERT_TOPIC_ARN,
  ),
};

/** The input: a schedule sends its own event; a replay of the past gives the time as of which to look. */
const requestSchema = z.looseObject({ as_of: instantSchema.optional() });

/** Looks for anomalies and keeps their alerts. */
export const handler = middy<unknown, DetectionRun>()
  .use(logLambdaContext())
  .handler(async (event) => {
    const startedMs = systemClock();
    const { as_of } = requestSchema.parse(event);
    const run = await detectAnomalies(
      context,
      as_of === undefined ? systemClock() : Date.parse(as_of),
    );
    const { opened, resolved, open, muted } = run;
    logger.info("Detection run", {
      as_of: run.as_of,
      opened: opened.map(({ alert_id }) => alert_id),
      resolved: resolved.map(({ alert_id }) => alert_id),
      open,
      muted,
    });
    metrics.count("AlertsOpened", opened.length);
    metrics.count("AlertsResolved", resolved.length);
    metrics.count("AlertsOpen", open);
    metrics.milliseconds("DetectionDuration", systemClock() - startedMs);
    metrics.publish();
    return run;
  });

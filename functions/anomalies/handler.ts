import { SNSClient } from "@aws-sdk/client-sns";
import middy from "@middy/core";
import * as z from "zod";
import { busSink } from "../../adapters/events/event-sink.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import { instantSchema, SECOND_MS, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { type DetectionRun, detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import { applyPolicies } from "../../shared/response/apply-policies.ts";
import { notifyProposals } from "../../shared/response/notify-proposals.ts";
import { settleActions } from "../../shared/response/settle-actions.ts";
import { linkMaker } from "../runtime/approval-links.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { ACTING_TABLES, readTables } from "../runtime/read-tables.ts";
import { proposalNotifier, topicNotifier } from "./topic-notifier.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "EVENT_BUS_NAME",
  "ALERT_TOPIC_ARN",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("anomalies", environment.OAUTH_MONITORING_STACK);
const sns = new SNSClient({ requestHandler: giveUpAfter(5000) });
const context = {
  db: createDocumentClient("background"),
  ...readTables(
    ...ACTING_TABLES,
    "EVENTS_TABLE",
    "COUNTERS_TABLE",
    "ISSUANCES_TABLE",
    "ALERTS_TABLE",
  ),
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
  sink: busSink(environment.EVENT_BUS_NAME, logger),
  notify: topicNotifier(sns, environment.ALERT_TOPIC_ARN),
  notifyProposal: proposalNotifier(sns, environment.ALERT_TOPIC_ARN, linkMaker(), logger),
};

/** The function's input: a schedule's event, or `as_of` to run the detection as of a time in the past. */
const requestSchema = z.looseObject({ as_of: instantSchema.optional() });

/** Maximum time to spend on marking tokens for large revocations. The function's timeout is four minutes. */
const SETTLE_WITHIN_MS = 150 * SECOND_MS;

/** Applies policies to alerts, sends notifications about proposals, and completes unfinished actions. */
async function respond(startedMs: number): Promise<void> {
  const actions = await applyPolicies(context);
  const notified = await notifyProposals(context);
  const settled = await settleActions(context, startedMs + SETTLE_WITHIN_MS);
  logger.info("Responses", {
    taken: actions.taken.map(({ action_id }) => action_id),
    proposed: actions.proposed.map(({ action_id }) => action_id),
    dry_run: actions.dryRun.map(({ action_id }) => action_id),
    notified: notified.map(({ action_id }) => action_id),
    ...settled,
  });
}

/** Detects anomalies, stores alerts, and acts on them. */
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
    await respond(startedMs);
    metrics.count("AlertsOpened", opened.length);
    metrics.count("AlertsResolved", resolved.length);
    metrics.count("AlertsOpen", open);
    metrics.milliseconds("DetectionDuration", systemClock() - startedMs);
    metrics.publish();
    return run;
  });

import middy from "@middy/core";
import * as z from "zod";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import type { CleanupRun, Removed } from "../../shared/retention/cleanup-runs.ts";
import { countCleanup, runCleanup } from "../../shared/retention/run-cleanup.ts";
import { logLambdaContext } from "../runtime/log-context.ts";
import { logger } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { measurePurge } from "./purge-metrics.ts";

const environment = readEnvironment(process.env, [
  "TOKENS_TABLE",
  "AUTHORIZATION_CODES_TABLE",
  "SESSIONS_TABLE",
  "EVENTS_TABLE",
  "COUNTERS_TABLE",
  "CLEANUP_RUNS_TABLE",
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("purge", environment.OAUTH_MONITORING_STACK);
const context = {
  client: createDocumentClient("background"),
  tokensTable: environment.TOKENS_TABLE,
  authorizationCodesTable: environment.AUTHORIZATION_CODES_TABLE,
  sessionsTable: environment.SESSIONS_TABLE,
  eventsTable: environment.EVENTS_TABLE,
  countersTable: environment.COUNTERS_TABLE,
  cleanupRunsTable: environment.CLEANUP_RUNS_TABLE,
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
};

/** Left for the deletes under way and the run's record when the deadline nears. */
const MARGIN_MS = 15_000;

/** A schedule sends its own event; an admin may ask for a count without a purge. */
const purgeRequestSchema = z.looseObject({ dry_run: z.boolean().default(false) });

/** What a purge answers: its record, or with `dry_run` what it would remove. */
export type PurgeAnswer = CleanupRun | { readonly dry_run: true; readonly would_remove: Removed };

/** Purges what is expired, until nothing is left or the function's time is nearly up. */
export const handler = middy<unknown, PurgeAnswer>()
  .use(logLambdaContext())
  .handler(async (event, lambda) => {
    const request = purgeRequestSchema.parse(event);
    if (request.dry_run) return { dry_run: true, would_remove: await countCleanup(context) };
    const startedMs = systemClock();
    const deadlineMs = startedMs + lambda.getRemainingTimeInMillis() - MARGIN_MS;
    let removed: Removed = { access_tokens: 0, authorization_codes: 0, sessions: 0, events: 0 };
    let finished = false;
    try {
      const run = await runCleanup(context, deadlineMs, (soFar) => {
        removed = { ...soFar };
      });
      finished = run.finished;
      return run;
    } finally {
      measurePurge(metrics, { removed, finished, durationMs: systemClock() - startedMs });
    }
  });

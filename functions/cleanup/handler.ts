import middy from "@middy/core";
import * as z from "zod";
import type { CleanupRun, Removed } from "../../shared/cleanup/cleanup-runs.ts";
import { countCleanup, runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { HOUR_MS, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { logger, logLambdaContext } from "../runtime/logger.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { readTables } from "../runtime/read-tables.ts";
import { measureCleanup } from "./cleanup-metrics.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
  "OAUTH_MONITORING_STACK",
]);
const metrics = createMetrics("cleanup", environment.OAUTH_MONITORING_STACK);
const context = {
  db: createDocumentClient("background"),
  ...readTables(
    "TOKENS_TABLE",
    "AUTHORIZATION_CODES_TABLE",
    "SESSIONS_TABLE",
    "EVENTS_TABLE",
    "COUNTERS_TABLE",
    "CLEANUP_RUNS_TABLE",
  ),
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
  logger,
};

/** Time before the deadline that is reserved for finishing deletes and recording the run. */
const MARGIN_MS = 15_000;

/** The function's input: a schedule's event, or an administrator's request for a dry run. */
const cleanupRequestSchema = z.looseObject({ dry_run: z.boolean().default(false) });

/** The function's result: the record of the run, or the number of items that a run would remove. */
type CleanupAnswer = CleanupRun | { readonly dry_run: true; readonly would_remove: Removed };

/** Removes expired items until none are left or the function is about to time out. */
export const handler = middy<unknown, CleanupAnswer>()
  .use(logLambdaContext())
  .handler(async (event, lambda) => {
    const request = cleanupRequestSchema.parse(event);
    const eventsOverdueMs = context.config.cleanup.eventsOverdueHours * HOUR_MS;
    if (request.dry_run) {
      return { dry_run: true, would_remove: await countCleanup(context, { eventsOverdueMs }) };
    }
    const startedMs = systemClock();
    const deadlineMs = startedMs + lambda.getRemainingTimeInMillis() - MARGIN_MS;
    let removed: Removed = { access_tokens: 0, authorization_codes: 0, sessions: 0, events: 0 };
    let finished = false;
    try {
      const run = await runCleanup(context, {
        deadlineMs,
        eventsOverdueMs,
        onProgress: (soFar) => {
          removed = { ...soFar };
        },
      });
      finished = run.finished;
      return run;
    } finally {
      measureCleanup(metrics, { removed, finished, durationMs: systemClock() - startedMs });
    }
  });

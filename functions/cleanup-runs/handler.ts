import * as z from "zod";
import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { listCleanupRuns } from "../../shared/retention/cleanup-runs.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";

const { CLEANUP_RUNS_TABLE } = readEnvironment(process.env, ["CLEANUP_RUNS_TABLE"]);
const store = { client: createDocumentClient("interactive"), cleanupRunsTable: CLEANUP_RUNS_TABLE };

/** Runs shown: two days of hourly ones. */
const RECENT = 48;

/** GET /admin/oauth/cleanup-runs */
export const handler = jsonRoute(logger, z.strictObject({}), async () => ({
  cleanup_runs: await listCleanupRuns(store, RECENT, systemClock()),
}));

import * as z from "zod";
import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { listCleanupRuns } from "../../shared/cleanup/cleanup-runs.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { jsonRoute } from "../runtime/json-route.ts";

const { CLEANUP_RUNS_TABLE } = readEnvironment(process.env, ["CLEANUP_RUNS_TABLE"]);
const store = { db: createDocumentClient("interactive"), cleanupRunsTable: CLEANUP_RUNS_TABLE };

/** Number of runs in the response: two days of hourly runs. */
const RECENT = 48;

/** GET /admin/oauth/cleanup-runs */
export const handler = jsonRoute(ADMIN_SCOPE, z.strictObject({}), async () => ({
  cleanup_runs: await listCleanupRuns(store, RECENT, systemClock()),
}));

import * as z from "zod";
import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { listAlerts, listLatestResolved } from "../../shared/detection/alert-store.ts";
import { verdictFigures, withReviews } from "../../shared/detection/verdicts.ts";
import { jsonRoute } from "../runtime/json-route.ts";

const { ALERTS_TABLE } = readEnvironment(process.env, ["ALERTS_TABLE"]);
const store = { db: createDocumentClient("interactive"), alertsTable: ALERTS_TABLE };

/** Number of resolved alerts in the response. */
const RECENT = 100;

/** GET /admin/oauth/alerts */
export const handler = jsonRoute(ADMIN_SCOPE, z.strictObject({}), async () => {
  const [open, resolved] = await Promise.all([
    listAlerts(store, "open"),
    listLatestResolved(store, RECENT),
  ]);
  const reviewed = await withReviews(store, [...open, ...resolved]);
  return {
    // The most urgent alerts come first.
    open: reviewed.slice(0, open.length).sort((a, b) => b.score - a.score),
    resolved: reviewed.slice(open.length),
    verdicts: verdictFigures(reviewed),
  };
});

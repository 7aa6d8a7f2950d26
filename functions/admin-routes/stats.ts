import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { instantSchema, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/core/time-range.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { readTables } from "../runtime/read-tables.ts";

const { OAUTH_MONITORING_CONFIG: config } = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
]);
const store = {
  db: createDocumentClient("interactive"),
  ...readTables("CLIENTS_TABLE", "COUNTERS_TABLE", "ISSUANCES_TABLE"),
  config,
};

const parametersSchema = rangeParametersSchema
  .extend({ client_id: identifierSchema.optional(), as_of: instantSchema.optional() })
  .strict();

/** GET /admin/oauth/stats */
export const handler = jsonRoute(ADMIN_SCOPE, parametersSchema, async (parameters) => {
  // The range and the token statuses must refer to the same time.
  const nowMs = systemClock();
  const range = resolveRange(parameters, nowMs, config.retention.statisticsDays);
  return tokenUsageStats({ ...store, clock: () => nowMs }, range, {
    clientId: parameters.client_id,
    asOfMs: parameters.as_of === undefined ? undefined : Date.parse(parameters.as_of),
  });
});

import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { instantSchema, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/core/time-range.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "CLIENTS_TABLE",
  "OAUTH_MONITORING_CONFIG",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const db = createDocumentClient("interactive");

const parametersSchema = rangeParametersSchema
  .extend({ client_id: identifierSchema.optional(), as_of: instantSchema.optional() })
  .strict();

/** GET /admin/oauth/stats */
export const handler = jsonRoute(logger, ADMIN_SCOPE, parametersSchema, async (parameters) => {
  // The range and the token statuses must refer to the same time.
  const nowMs = systemClock();
  const range = resolveRange(parameters, nowMs, config.retention.statisticsDays);
  return tokenUsageStats(
    {
      db,
      countersTable: environment.COUNTERS_TABLE,
      issuancesTable: environment.ISSUANCES_TABLE,
      clientsTable: environment.CLIENTS_TABLE,
      config,
      clock: () => nowMs,
    },
    range,
    {
      clientId: parameters.client_id,
      asOfMs: parameters.as_of === undefined ? undefined : Date.parse(parameters.as_of),
    },
  );
});

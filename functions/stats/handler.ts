import { systemClock } from "../../shared/clock/clock.ts";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/client.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/statistics/time-range.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";

const environment = readEnvironment(process.env, [
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "CLIENTS_TABLE",
  "OAUTH_MONITORING_CONFIG",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const client = createDocumentClient("interactive");

/** GET /admin/oauth/stats */
export const handler = jsonRoute(logger, rangeParametersSchema.strict(), async (parameters) => {
  // One instant for the range and the judgement.
  const nowMs = systemClock();
  const range = resolveRange(parameters, nowMs, config.retention.statisticsDays);
  return tokenUsageStats(
    {
      client,
      countersTable: environment.COUNTERS_TABLE,
      issuancesTable: environment.ISSUANCES_TABLE,
      clientsTable: environment.CLIENTS_TABLE,
      config,
      clock: () => nowMs,
    },
    range,
  );
});

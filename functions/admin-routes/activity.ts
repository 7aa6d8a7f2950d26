import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/core/time-range.ts";
import { identifierSchema, ipSchema } from "../../shared/events/identifiers.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { readTables } from "../runtime/read-tables.ts";

const { OAUTH_MONITORING_CONFIG: config } = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  ...readTables("EVENTS_TABLE", "COUNTERS_TABLE"),
  config,
  clock: systemClock,
};

const parametersSchema = rangeParametersSchema
  .extend({
    client_id: identifierSchema.optional(),
    user_id: identifierSchema.optional(),
    token_id: identifierSchema.optional(),
    ip: ipSchema.optional(),
  })
  .strict();

/** GET /admin/oauth/activity */
export const handler = jsonRoute(ADMIN_SCOPE, parametersSchema, async (parameters) => {
  const range = resolveRange(parameters, systemClock(), config.retention.statisticsDays);
  return activity(context, range, {
    clientId: parameters.client_id,
    userId: parameters.user_id,
    tokenId: parameters.token_id,
    ip: parameters.ip,
  });
});

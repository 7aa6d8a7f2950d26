import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { rangeParametersSchema, resolveRange } from "../../shared/core/time-range.ts";
import { identifierSchema, ipSchema } from "../../shared/events/identifiers.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";

const environment = readEnvironment(withConfigFile(process.env), [
  "EVENTS_TABLE",
  "COUNTERS_TABLE",
  "OAUTH_MONITORING_CONFIG",
]);
const config = environment.OAUTH_MONITORING_CONFIG;
const context = {
  db: createDocumentClient("interactive"),
  eventsTable: environment.EVENTS_TABLE,
  countersTable: environment.COUNTERS_TABLE,
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
export const handler = jsonRoute(logger, ADMIN_SCOPE, parametersSchema, async (parameters) => {
  const range = resolveRange(parameters, systemClock(), config.retention.statisticsDays);
  return activity(context, range, {
    clientId: parameters.client_id,
    userId: parameters.user_id,
    tokenId: parameters.token_id,
    ip: parameters.ip,
  });
});

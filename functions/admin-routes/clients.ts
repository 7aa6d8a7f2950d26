import * as z from "zod";
import { readEnvironment } from "../../shared/config/environment.ts";
import { createDocumentClient } from "../../shared/dynamodb/document-client.ts";
import { listClients } from "../../shared/statistics/list-clients.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { jsonRoute } from "../runtime/json-route.ts";
import { logger } from "../runtime/logger.ts";

const environment = readEnvironment(process.env, [
  "CLIENTS_TABLE",
  "COUNTERS_TABLE",
  "ISSUANCES_TABLE",
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  clientsTable: environment.CLIENTS_TABLE,
  countersTable: environment.COUNTERS_TABLE,
  issuancesTable: environment.ISSUANCES_TABLE,
  config: environment.OAUTH_MONITORING_CONFIG,
  clock: systemClock,
};

/** GET /admin/oauth/clients */
export const handler = jsonRoute(logger, z.strictObject({}), async () => ({
  clients: await listClients(context),
}));

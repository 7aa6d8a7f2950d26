import * as z from "zod";
import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { DAY_MS, systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { listClients, unusedClients } from "../../shared/statistics/list-clients.ts";
import { jsonRoute, wholeNumber } from "../runtime/json-route.ts";
import { readTables } from "../runtime/read-tables.ts";

const { OAUTH_MONITORING_CONFIG: config } = readEnvironment(withConfigFile(process.env), [
  "OAUTH_MONITORING_CONFIG",
]);
const context = {
  db: createDocumentClient("interactive"),
  ...readTables("CLIENTS_TABLE", "COUNTERS_TABLE", "ISSUANCES_TABLE"),
  config,
  clock: systemClock,
};

/** GET /admin/oauth/clients */
export const handler = jsonRoute(
  ADMIN_SCOPE,
  z.strictObject({
    unused_days: wholeNumber(366, "a whole number of days, from 1 to 366").optional(),
  }),
  async ({ unused_days }) => {
    const clients = await listClients(context);
    if (unused_days === undefined) return { clients };
    return { clients: unusedClients(clients, systemClock() - unused_days * DAY_MS) };
  },
);

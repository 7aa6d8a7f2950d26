import * as z from "zod";
import {
  asnFilterSchema,
  countryFilterSchema,
  networkTypeFilterSchema,
} from "../../shared/audit-log/enrichment-filters.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { ADMIN_SCOPE } from "../../shared/authorization/required-access.ts";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { InvalidRangeError, rangeParametersSchema } from "../../shared/core/time-range.ts";
import { eventTypeSchema, identifierSchema, ipSchema } from "../../shared/events/identifiers.ts";
import { jsonRoute, parseRequest } from "../runtime/json-route.ts";
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

const pageParameters = {
  ...rangeParametersSchema.shape,
  limit: z
    .string()
    .regex(/^\d{1,4}$/, "a whole number from 1 to 1000")
    .transform(Number)
    .pipe(z.int().min(1).max(1000))
    .default(50),
  cursor: z.string().min(1).max(1024).optional(),
  client_id: identifierSchema.optional(),
  user_id: identifierSchema.optional(),
  token_id: identifierSchema.optional(),
  ip: ipSchema.optional(),
  country: countryFilterSchema.optional(),
  asn: asnFilterSchema.optional(),
  network_type: networkTypeFilterSchema.optional(),
};

const securityParameters = z.strictObject(pageParameters);

const eventParameters = z.strictObject({
  ...pageParameters,
  type: eventTypeSchema.optional(),
});

const millis = (instant: string | undefined) =>
  instant === undefined ? undefined : Date.parse(instant);

/** GET /admin/oauth/events and GET /admin/oauth/security-events */
export const handler = jsonRoute(
  ADMIN_SCOPE,
  z.record(z.string(), z.string()),
  async (raw, event) => {
    const security = event.resource.endsWith("/security-events");
    const parameters: z.output<typeof eventParameters> = security
      ? parseRequest(securityParameters, raw)
      : parseRequest(eventParameters, raw);
    const fromMs = millis(parameters.from);
    const toMs = millis(parameters.to);
    if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
      throw new InvalidRangeError("/from", "from must be before to");
    }
    return queryEvents(context, {
      fromMs,
      toMs,
      limit: parameters.limit,
      cursor: parameters.cursor,
      type: parameters.type,
      clientId: parameters.client_id,
      userId: parameters.user_id,
      tokenId: parameters.token_id,
      ip: parameters.ip,
      country: parameters.country,
      asn: parameters.asn,
      networkType: parameters.network_type,
      ...(security && { security }),
    });
  },
);

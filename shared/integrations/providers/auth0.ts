import * as z from "zod";
import { getMeaning } from "./auth0-log-types.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import { optionalPart, optionalText, optionalTime } from "./provider-event.ts";

const logSchema = {
  log_id: optionalText,
  _id: optionalText,
  type: optionalText,
  date: optionalTime,
  description: optionalText,
  client_id: optionalText,
  ip: optionalText,
  user_agent: optionalText,
  user_id: optionalText,
  user_name: optionalText,
  hostname: optionalText,
  session_id: optionalText,
  location_info: optionalPart({}),
};

/**
 * Logs from Auth0 log streams, as sent by the partner event source. The log is in `data`.
 * https://auth0.com/docs/customize/log-streams/amazon-eventbridge
 */
const detailSchema = z.looseObject({ ...logSchema, data: optionalPart(logSchema) }).catch({});

/**
 * Several logs in one object. A custom webhook sends logs as lines, as an array or as an object.
 * https://auth0.com/docs/customize/log-streams/custom-log-streams
 */
const webhookSchema = z.looseObject({ logs: z.array(z.unknown()) });

export const auth0: ProviderAdapter = {
  name: "auth0",
  serves: ({ source }) => source.startsWith("aws.partner/auth0.com/"),
  batch: (detail) => webhookSchema.safeParse(detail).data?.logs,
  read: ({ detail }) => {
    const { data, ...outer } = detailSchema.parse(detail);
    const log = data ?? outer;
    return {
      id: outer.log_id ?? log.log_id ?? log._id,
      code: log.type,
      occurredAt: log.date,
      ...getMeaning(log.type ?? "", log.description),
      clientId: log.client_id,
      userId: log.user_id ?? log.user_name,
      sessionId: log.session_id,
      ip: log.ip,
      enrichment: {
        country: log.location_info?.country_code ?? log.location_info?.country_name,
        latitude: log.location_info?.latitude,
        longitude: log.location_info?.longitude,
      },
      userAgent: log.user_agent,
      endpoint: log.hostname,
      message: log.description,
    };
  },
};

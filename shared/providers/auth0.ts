import * as z from "zod";
import { optionalText, type ProviderAdapter } from "./provider-adapter.ts";

/**
 * Auth0 log streams, as its partner event source sends them.
 * https://auth0.com/docs/customize/log-streams/amazon-eventbridge
 * https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes
 */
const detailSchema = z.looseObject({
  log_id: z.string().min(1),
  data: z.looseObject({
    type: z.string().min(1),
    date: z.string(),
    description: optionalText,
    client_id: optionalText,
    ip: optionalText,
    user_agent: optionalText,
    user_id: optionalText,
    user_name: optionalText,
    hostname: optionalText,
    session_id: optionalText,
  }),
});

/** Exchanges for an access token, one for each grant. A failed exchange begins with `f`. */
const EXCHANGES = [
  "seacft", // authorization code
  "seccft", // client credentials
  "sede", // device code
  "seoobft", // password and out-of-band challenge
  "seotpft", // password and one-time password
  "sepft", // password
  "sepkoobft", // passkey and out-of-band challenge
  "sercft", // password and recovery code
  "sertft", // refresh token
] as const;

/** Our types for Auth0's codes. Any other code becomes the type itself. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    s: "session_started",
    ssa: "session_started",
    slo: "session_ended",
    srrt: "token_revoked",
    // Logins and exchanges that fail.
    f: "auth_failed",
    fc: "auth_failed",
    fco: "auth_failed",
    fcoa: "auth_failed",
    fens: "auth_failed",
    fp: "auth_failed",
    fsa: "auth_failed",
    fu: "auth_failed",
    ferrt: "auth_failed",
    ...Object.fromEntries(EXCHANGES.map((code) => [code, "token_issued"])),
    ...Object.fromEntries(EXCHANGES.map((code) => [`f${code.slice(1)}`, "auth_failed"])),
    // Attack protection.
    limit_mu: "suspicious_activity",
    limit_sul: "suspicious_activity",
    limit_wc: "suspicious_activity",
    pwd_leak: "suspicious_activity",
    reset_pwd_leak: "suspicious_activity",
    signup_pwd_leak: "suspicious_activity",
  }),
);

/** The reasons that codes imply. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    fp: "wrong_password",
    fu: "unknown_user",
    // A rotated refresh token was used again.
    ferrt: "refresh_token_reused",
  }),
);

export const auth0: ProviderAdapter = {
  name: "auth0",
  serves: ({ source }) => source.startsWith("aws.partner/auth0.com/"),
  read: ({ detail }) => {
    const { log_id, data } = detailSchema.parse(detail);
    const eventType = TYPES.get(data.type);
    const failed = eventType === "auth_failed";
    return {
      id: log_id,
      code: data.type,
      occurredAt: data.date,
      eventType,
      outcome: eventType === undefined ? undefined : failed ? "failure" : "success",
      reason: REASONS.get(data.type) ?? (failed ? data.description : undefined),
      clientId: data.client_id,
      userId: data.user_id ?? data.user_name,
      sessionId: data.session_id,
      ip: data.ip,
      userAgent: data.user_agent,
      endpoint: data.hostname,
      message: data.description,
    };
  },
};

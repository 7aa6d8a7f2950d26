import * as z from "zod";
import { optionalText, type ProviderAdapter } from "./provider-adapter.ts";

const entitySchema = z.looseObject({
  id: optionalText,
  type: optionalText,
  alternateId: optionalText,
});

/**
 * Okta's System Log, as its log streaming sends it.
 * https://developer.okta.com/docs/reference/api/system-log/
 * https://developer.okta.com/docs/reference/api/event-types/
 */
const detailSchema = z.looseObject({
  uuid: z.string().min(1),
  published: z.string(),
  eventType: z.string().min(1),
  displayMessage: optionalText,
  actor: entitySchema.nullish(),
  target: z.array(entitySchema).nullish(),
  client: z
    .looseObject({
      id: optionalText,
      ipAddress: optionalText,
      userAgent: z.looseObject({ rawUserAgent: optionalText }).nullish(),
    })
    .nullish(),
  outcome: z.looseObject({ result: optionalText, reason: optionalText }).nullish(),
  authenticationContext: z.looseObject({ externalSessionId: optionalText }).nullish(),
  debugContext: z
    .looseObject({ debugData: z.looseObject({ requestUri: optionalText }).nullish() })
    .nullish(),
});

/** Our types for Okta's successful event types, by prefix. The longest matching prefix decides. */
const SUCCEEDED: Readonly<Record<string, string>> = {
  "user.session.start": "session_started",
  "user.session.end": "session_ended",
  "user.session.clear": "session_ended",
  "app.oauth2.token.grant.access_token": "token_issued",
  "app.oauth2.as.token.grant.access_token": "token_issued",
  "app.oauth2.token.revoke": "token_revoked",
  "app.oauth2.as.token.revoke": "token_revoked",
};

/** Event types that are a failed authentication when they fail. */
const AUTHENTICATIONS = [
  "user.session.start",
  "user.authentication.",
  "app.oauth2.token.grant",
  "app.oauth2.as.token.grant",
  "app.oauth2.authorize",
  "app.oauth2.as.authorize",
];

/** Event types that are suspicious whatever their outcome. */
const SUSPICIOUS = [
  "app.oauth2.token.detect_reuse",
  "app.oauth2.as.token.detect_reuse",
  "security.attack.",
  "security.threat.",
  "security.breached_credential.",
  "user.account.lock",
  "user.account.report_suspicious_activity",
];

const FAILED: ReadonlySet<string | undefined> = new Set(["FAILURE", "DENY"]);

function typeOf(eventType: string, failed: boolean): string | undefined {
  const begins = (prefix: string) => eventType.startsWith(prefix);
  // The reuse of a rotated refresh token is a refusal, which the detection looks for.
  if (eventType.endsWith("token.detect_reuse")) return "auth_failed";
  if (SUSPICIOUS.some(begins)) return "suspicious_activity";
  if (failed) return AUTHENTICATIONS.some(begins) ? "auth_failed" : undefined;
  const [longest] = Object.keys(SUCCEEDED)
    .filter(begins)
    .sort((a, b) => b.length - a.length);
  return longest && SUCCEEDED[longest];
}

export const okta: ProviderAdapter = {
  name: "okta",
  serves: ({ source }) => source.startsWith("aws.partner/okta.com/"),
  read: ({ detail }) => {
    const event = detailSchema.parse(detail);
    const result = event.outcome?.result;
    const failed = FAILED.has(result);
    const entities = [event.actor, ...(event.target ?? [])];
    const idOf = (...types: string[]) =>
      entities.find((entity) => types.includes(entity?.type ?? ""))?.id;
    const reused = event.eventType.endsWith("token.detect_reuse");
    return {
      id: event.uuid,
      code: event.eventType,
      occurredAt: event.published,
      eventType: typeOf(event.eventType, failed),
      outcome:
        failed || reused
          ? "failure"
          : result === "SUCCESS" || result === "ALLOW"
            ? "success"
            : undefined,
      reason: reused ? "refresh_token_reused" : event.outcome?.reason,
      clientId: event.client?.id ?? idOf("PublicClientApp", "ConfidentialClientApp", "AppInstance"),
      userId: idOf("User"),
      sessionId: event.authenticationContext?.externalSessionId,
      ip: event.client?.ipAddress,
      userAgent: event.client?.userAgent?.rawUserAgent,
      endpoint: event.debugContext?.debugData?.requestUri,
      message: event.displayMessage,
    };
  },
};

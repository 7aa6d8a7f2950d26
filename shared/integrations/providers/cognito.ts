import * as z from "zod";
import { REFRESH_TOKEN_INVALID } from "../../events/event-facts.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import { optionalPart, optionalText, optionalTime } from "./provider-event.ts";

/** The first value of a hosted page's parameter. CloudTrail records parameters as lists. */
const optionalFirst = z
  .unknown()
  .transform((value) => optionalText.parse(Array.isArray(value) ? value[0] : value))
  .optional();

const parameters = {
  clientId: optionalText,
  client_id: optionalFirst,
  username: optionalText,
};

/**
 * Amazon Cognito user pool events, as recorded by CloudTrail and delivered by EventBridge.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/logging-using-cloudtrail.html
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
const detailSchema = z
  .looseObject({
    eventID: optionalText,
    eventTime: optionalTime,
    eventName: optionalText,
    sourceIPAddress: optionalText,
    userAgent: optionalText,
    errorCode: optionalText,
    errorMessage: optionalText,
    requestParameters: optionalPart(parameters),
    additionalEventData: optionalPart({
      sub: optionalText,
      requestParameters: optionalPart(parameters),
      responseParameters: optionalPart({ status: z.number().optional().catch(undefined) }),
    }),
  })
  .catch({});

/** Event types by API operation or hosted page. A failed `token_issued` or `session_started` becomes `auth_failed`. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    InitiateAuth: "token_issued",
    AdminInitiateAuth: "token_issued",
    RespondToAuthChallenge: "token_issued",
    AdminRespondToAuthChallenge: "token_issued",
    GetTokensFromRefreshToken: "token_issued",
    Token_POST: "token_issued",
    Login_POST: "session_started",
    SAML2Response_POST: "session_started",
    OAuth2Response_GET: "session_started",
    Logout_GET: "session_ended",
    GlobalSignOut: "session_ended",
    AdminUserGlobalSignOut: "session_ended",
    RevokeToken: "token_revoked",
    Revoke_POST: "token_revoked",
  }),
);

/** Returns why a refresh token was rejected. */
function refreshReason(name: string | undefined, error: string | undefined): string | undefined {
  if (name !== "GetTokensFromRefreshToken") return undefined;
  if (error === "RefreshTokenReuseException") return "refresh_token_reused";
  return error === "NotAuthorizedException" ? REFRESH_TOKEN_INVALID : undefined;
}

const AUTHENTICATIONS: ReadonlySet<string> = new Set(["token_issued", "session_started"]);

export const cognito: ProviderAdapter = {
  name: "cognito",
  serves: ({ source }) => source === "aws.cognito-idp",
  read: ({ detail }) => {
    const event = detailSchema.parse(detail);
    const extra = event.additionalEventData;
    const status = extra?.responseParameters?.status ?? 200;
    const failed = event.errorCode !== undefined || status >= 400;
    const type = TYPES.get(event.eventName ?? "");
    const api = event.requestParameters;
    const hosted = extra?.requestParameters;
    return {
      id: event.eventID,
      code: event.eventName,
      occurredAt: event.eventTime,
      eventType: failed ? (AUTHENTICATIONS.has(type ?? "") ? "auth_failed" : undefined) : type,
      outcome: failed ? "failure" : event.eventName ? "success" : undefined,
      reason:
        refreshReason(event.eventName, event.errorCode) ??
        event.errorCode ??
        (failed ? `status_${status}` : undefined),
      clientId: api?.clientId ?? hosted?.clientId ?? hosted?.client_id,
      userId: extra?.sub ?? api?.username ?? hosted?.username,
      ip: event.sourceIPAddress,
      userAgent: event.userAgent,
      message: event.errorMessage,
    };
  },
};

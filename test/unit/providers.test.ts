import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenFact } from "../../shared/counters/issuance.ts";
import type { OAuthEvent } from "../../shared/envelope/oauth-event.ts";
import { parseBusMessage } from "../../shared/providers/bus-message.ts";
import {
  auth0Sample,
  cognitoSample,
  keycloakSample,
  oktaSample,
  type Sample,
} from "../provider-samples.ts";

/** What EventBridge makes of it. */
const message = ({ source, detailType, detail }: Sample, id = "eb-1") =>
  JSON.stringify({
    version: "0",
    id,
    "detail-type": detailType,
    source,
    account: "111122223333",
    time: "2026-11-23T10:00:05Z",
    region: "us-east-1",
    resources: [],
    detail,
  });

function read(sample: Sample, id?: string): OAuthEvent {
  const parsed = parseBusMessage(message(sample, id));
  if ("reason" in parsed) throw new Error(parsed.reason);
  return parsed.event;
}

const CASES: readonly (readonly [Sample, string, string | undefined])[] = [
  [auth0Sample("s"), "session_started", "success"],
  [auth0Sample("slo"), "session_ended", "success"],
  [auth0Sample("fp"), "auth_failed", "failure"],
  [auth0Sample("fu"), "auth_failed", "failure"],
  [auth0Sample("seacft"), "token_issued", "success"],
  [auth0Sample("seccft"), "token_issued", "success"],
  [auth0Sample("feacft"), "auth_failed", "failure"],
  [auth0Sample("fertft"), "auth_failed", "failure"],
  [auth0Sample("ferrt"), "auth_failed", "failure"],
  [auth0Sample("srrt"), "token_revoked", "success"],
  [auth0Sample("limit_wc"), "suspicious_activity", "success"],
  [auth0Sample("pwd_leak"), "suspicious_activity", "success"],
  [auth0Sample("sapi"), "auth0_sapi", undefined],
  [auth0Sample("a.brand-NEW code"), "auth0_a_brand_new_code", undefined],
  [oktaSample("user.session.start", "SUCCESS"), "session_started", "success"],
  [oktaSample("user.session.start", "FAILURE"), "auth_failed", "failure"],
  [oktaSample("user.session.end", "SUCCESS"), "session_ended", "success"],
  [oktaSample("user.authentication.auth_via_mfa", "FAILURE"), "auth_failed", "failure"],
  [
    oktaSample("user.authentication.auth_via_mfa", "SUCCESS"),
    "okta_user_authentication_auth_via_mfa",
    "success",
  ],
  [oktaSample("app.oauth2.as.token.grant.access_token", "SUCCESS"), "token_issued", "success"],
  [oktaSample("app.oauth2.as.token.grant", "FAILURE"), "auth_failed", "failure"],
  [oktaSample("app.oauth2.as.token.revoke", "SUCCESS"), "token_revoked", "success"],
  [oktaSample("app.oauth2.as.token.detect_reuse", "FAILURE"), "auth_failed", "failure"],
  [oktaSample("security.threat.detected", "SUCCESS"), "suspicious_activity", "success"],
  [oktaSample("user.lifecycle.create", "SUCCESS"), "okta_user_lifecycle_create", "success"],
  [keycloakSample("LOGIN"), "session_started", "success"],
  [keycloakSample("LOGIN_ERROR"), "auth_failed", "failure"],
  [keycloakSample("LOGOUT"), "session_ended", "success"],
  [keycloakSample("CODE_TO_TOKEN"), "token_issued", "success"],
  [keycloakSample("REFRESH_TOKEN_ERROR"), "auth_failed", "failure"],
  [keycloakSample("CLIENT_LOGIN_ERROR"), "auth_failed", "failure"],
  [keycloakSample("LOGOUT_ERROR"), "keycloak_logout_error", "failure"],
  [keycloakSample("UPDATE_PROFILE"), "keycloak_update_profile", "success"],
  [cognitoSample("InitiateAuth"), "token_issued", "success"],
  [
    cognitoSample("InitiateAuth", {
      errorCode: "NotAuthorizedException",
      errorMessage: "Incorrect username or password.",
    }),
    "auth_failed",
    "failure",
  ],
  [cognitoSample("RevokeToken"), "token_revoked", "success"],
  [cognitoSample("GlobalSignOut"), "session_ended", "success"],
  [
    cognitoSample("Token_POST", {
      requestParameters: null,
      additionalEventData: {
        requestParameters: { client_id: ["hosted-client"] },
        responseParameters: { status: 400 },
      },
    }),
    "auth_failed",
    "failure",
  ],
  [cognitoSample("UpdateUserPool"), "cognito_update_user_pool", "success"],
];

describe("identity providers' events", () => {
  it.each(CASES.map(([sample, type, outcome]) => [sample.source, type, outcome, sample] as const))(
    "from %s are %s",
    (_, type, outcome, sample) => {
      const event = read(sample);
      expect(event.event_type).toBe(type);
      expect(event.event_data.outcome).toBe(outcome);
      expect(event.occurred_at).toMatch(/^2026-11-23T10:00:00\.(123|000)Z$/);
      expect(event.event_data.original).toEqual(sample.detail);
      expect(event.event_data.ip).toMatch(/^[0-9.]+$/);
      expect(event.oauth_client_id).toBeTruthy();
      // What no provider tells: which token, and how long it lives.
      expect(tokenFact(event)).toBeUndefined();
    },
  );

  it("keep who, from where and why", () => {
    expect(read(auth0Sample("fp"))).toMatchObject({
      oauth_client_id: "AaiyAPdpYdesoKnqjj8HJqRn4T5titww",
      user_id: "auth0|56c75c4e42b6359e98374bc2",
      event_data: {
        provider: "auth0",
        provider_event_type: "fp",
        reason: "wrong_password",
        ip: "190.25.209.19",
        user_agent: "Chrome 119.0.0 / Mac OS X 10.15.7",
      },
    });
    expect(read(auth0Sample("ferrt")).event_data.reason).toBe("refresh_token_reused");
    expect(read(oktaSample("user.session.start", "FAILURE"))).toMatchObject({
      oauth_client_id: "0oa1b2c3d4",
      user_id: "00uttidj01jqL21aM1d6",
      event_data: {
        reason: "INVALID_CREDENTIALS",
        ip: "198.51.100.7",
        endpoint: "/oauth2/default/v1/token",
      },
    });
    expect(read(oktaSample("app.oauth2.token.detect_reuse", "FAILURE")).event_data.reason).toBe(
      "refresh_token_reused",
    );
    expect(read(keycloakSample("LOGIN_ERROR"))).toMatchObject({
      oauth_client_id: "account-console",
      user_id: "f7a1c2",
      event_data: { reason: "invalid_user_credentials", ip: "203.0.113.8" },
    });
    expect(
      read(cognitoSample("InitiateAuth", { errorCode: "NotAuthorizedException" })),
    ).toMatchObject({
      oauth_client_id: "1example23456789",
      user_id: "11110b4c-1f4264cd111",
      event_data: { reason: "NotAuthorizedException", ip: "192.0.2.1" },
    });
  });

  it("have the provider's own identity: a redelivery is the same event", () => {
    for (const [sample] of CASES) {
      expect(read(sample, "eb-1").id).toBe(read(sample, "eb-2").id);
    }
    const ids = new Set(CASES.map(([sample]) => read(sample).id));
    // Cases that differ in the outcome alone bear one id.
    expect(ids.size).toBeGreaterThan(CASES.length - 4);
    const { id: _, ...nameless } = keycloakSample("LOGIN").detail;
    const without = { ...keycloakSample("LOGIN"), detail: nameless };
    expect(read(without, "eb-1").id).not.toBe(read(without, "eb-2").id);
  });

  it("keep no secret that a provider let slip", () => {
    const event = read(auth0Sample("seacft", { details: { code: "c0de", refresh_token: "r3fr" } }));
    expect(JSON.stringify(event)).not.toMatch(/c0de|r3fr/);
    expect(JSON.stringify(event)).toContain("sha256:");
  });

  it("are cut, not lost, when they are too large", () => {
    const event = read(auth0Sample("s", { details: { prompts: "é".repeat(100_000) } }));
    expect(event.event_type).toBe("session_started");
    expect(event.event_data.original).toBeUndefined();
    expect(String(event.event_data.original_cut)).toContain("log_id");
  });

  it("of another shape, and of unknown sources, are refused with the reason", () => {
    const reason = (text: string) => {
      const parsed = parseBusMessage(text);
      return "reason" in parsed ? parsed.reason : undefined;
    };
    expect(reason(message({ ...auth0Sample("s"), detail: { data: {} } }))).toContain("log_id");
    expect(reason(message({ ...keycloakSample("LOGIN"), detail: { type: "LOGIN" } }))).toContain(
      "time",
    );
    expect(
      reason(message(oktaSample("user.session.start", "SUCCESS", { published: "yesterday" }))),
    ).toContain("occurred_at");
    expect(reason(message({ ...auth0Sample("s"), source: "com.example" }))).toContain(
      "known identity provider",
    );
    expect(reason("[]")).toBeDefined();
  });

  it("never throw, whatever a provider sends", () => {
    const samples = [
      auth0Sample("s"),
      oktaSample("user.session.start", "SUCCESS"),
      keycloakSample("LOGIN"),
      cognitoSample("InitiateAuth"),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        (sample, more, other) => {
          for (const detail of [{ ...sample.detail, ...more }, more, other]) {
            const text = message({ ...sample, detail: detail as Record<string, unknown> });
            const parsed = parseBusMessage(text);
            expect("event" in parsed || "reason" in parsed).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

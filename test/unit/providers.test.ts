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

  /** Every name that a provider has for what we have a type of. */
  it.each<[string, (name: string) => Sample, Readonly<Record<string, readonly string[]>>]>([
    [
      "Auth0",
      (name) => auth0Sample(name),
      {
        session_started: ["s", "ssa"],
        session_ended: ["slo"],
        token_revoked: ["srrt"],
        token_issued: [
          ...["seacft", "seccft", "sede", "seoobft", "seotpft", "sepft", "sepkoobft"],
          ...["sercft", "sertft"],
        ],
        auth_failed: [
          ...["f", "fc", "fco", "fcoa", "fens", "fp", "fsa", "fu", "ferrt"],
          ...["feacft", "feccft", "fede", "feoobft", "feotpft", "fepft", "fepkoobft"],
          ...["fercft", "fertft"],
        ],
        suspicious_activity: [
          ...["limit_mu", "limit_sul", "limit_wc", "pwd_leak", "reset_pwd_leak"],
          "signup_pwd_leak",
        ],
      },
    ],
    [
      "Okta, when they succeed,",
      (name) => oktaSample(name, "SUCCESS"),
      {
        session_started: ["user.session.start"],
        session_ended: ["user.session.end", "user.session.clear"],
        token_issued: [
          "app.oauth2.token.grant.access_token",
          "app.oauth2.as.token.grant.access_token",
        ],
        token_revoked: ["app.oauth2.token.revoke", "app.oauth2.as.token.revoke"],
        auth_failed: ["app.oauth2.token.detect_reuse", "app.oauth2.as.token.detect_reuse"],
        suspicious_activity: [
          ...["security.attack.start", "security.threat.detected", "user.account.lock"],
          ...["security.breached_credential.detected", "user.account.report_suspicious_activity"],
        ],
        okta_app_oauth2_as_token_grant_id_token: ["app.oauth2.as.token.grant.id_token"],
      },
    ],
    [
      "Okta, when they fail,",
      (name) => oktaSample(name, "FAILURE"),
      {
        auth_failed: [
          ...["user.session.start", "user.authentication.sso", "app.oauth2.token.grant"],
          ...["app.oauth2.as.token.grant", "app.oauth2.authorize", "app.oauth2.as.authorize"],
        ],
        okta_user_session_end: ["user.session.end"],
        okta_app_oauth2_token_revoke: ["app.oauth2.token.revoke"],
      },
    ],
    [
      "Keycloak",
      (name) => keycloakSample(name),
      {
        session_started: ["LOGIN", "IDENTITY_PROVIDER_LOGIN"],
        session_ended: ["LOGOUT"],
        token_issued: [
          ...["CLIENT_LOGIN", "CODE_TO_TOKEN", "OAUTH2_DEVICE_CODE_TO_TOKEN", "REFRESH_TOKEN"],
          ...["TOKEN_EXCHANGE", "AUTHREQID_TO_TOKEN"],
        ],
        token_revoked: ["REVOKE_GRANT"],
        suspicious_activity: [
          "USER_DISABLED_BY_PERMANENT_LOCKOUT",
          "USER_DISABLED_BY_TEMPORARY_LOCKOUT",
        ],
        keycloak_revoke_grant_error: ["REVOKE_GRANT_ERROR"],
        keycloak_update_email_error: ["UPDATE_EMAIL_ERROR"],
      },
    ],
    [
      "Cognito",
      (name) => cognitoSample(name),
      {
        token_issued: [
          ...["InitiateAuth", "AdminInitiateAuth", "RespondToAuthChallenge", "Token_POST"],
          ...["AdminRespondToAuthChallenge", "GetTokensFromRefreshToken"],
        ],
        session_started: ["Login_POST", "SAML2Response_POST", "OAuth2Response_GET"],
        session_ended: ["Logout_GET", "GlobalSignOut", "AdminUserGlobalSignOut"],
        token_revoked: ["RevokeToken", "Revoke_POST"],
      },
    ],
    [
      "Cognito, when they fail,",
      (name) => cognitoSample(name, { errorCode: "NotAuthorizedException" }),
      {
        auth_failed: ["InitiateAuth", "Login_POST"],
        cognito_revoke_token: ["RevokeToken"],
        cognito_global_sign_out: ["GlobalSignOut"],
      },
    ],
  ])("of %s are of these types", (_, sample, names) => {
    for (const [type, all] of Object.entries(names)) {
      expect(all.map((name) => [name, read(sample(name)).event_type])).toEqual(
        all.map((name) => [name, type]),
      );
    }
  });

  it("say all that they know of the call", () => {
    const facts = (sample: Sample) => {
      const { original: _, ...known } = read(sample).event_data;
      return known;
    };
    expect(facts(auth0Sample("fsa", { session_id: "s1" }))).toEqual({
      provider: "auth0",
      provider_event_id: "90020211103fsa",
      provider_event_type: "fsa",
      outcome: "failure",
      reason: "Wrong email or password.",
      ip: "190.25.209.19",
      user_agent: "Chrome 119.0.0 / Mac OS X 10.15.7",
      endpoint: "tenant.auth0.com",
      session_id: "s1",
      message: "Wrong email or password.",
    });
    expect(facts(auth0Sample("fu")).reason).toBe("unknown_user");
    expect(facts(auth0Sample("s")).reason).toBeUndefined();
    expect(facts(oktaSample("user.session.start", "SUCCESS"))).toEqual({
      provider: "okta",
      provider_event_id: "dc9fd3c0-598c-11ef-8478-2b7584bf8d5a-user.session.start",
      provider_event_type: "user.session.start",
      outcome: "success",
      ip: "198.51.100.7",
      user_agent: "Mozilla/5.0",
      endpoint: "/oauth2/default/v1/token",
      session_id: "102bZDNFfWaQSyEZQuDgWt-uQ",
      message: "OAuth2 access token is granted",
    });
    expect(
      facts(keycloakSample("LOGIN_ERROR", { details: { reason: "locked", redirect_uri: 7 } })),
    ).toEqual({
      provider: "keycloak",
      provider_event_id: "0d2d0ff7-6f4a-4cb0-9f0b-LOGIN_ERROR",
      provider_event_type: "LOGIN_ERROR",
      outcome: "failure",
      reason: "invalid_user_credentials",
      ip: "203.0.113.8",
      session_id: "9b0c",
      message: "locked",
    });
    expect(
      facts(
        cognitoSample("Token_POST", {
          additionalEventData: { responseParameters: { status: 400 } },
          errorMessage: "invalid_grant",
        }),
      ),
    ).toEqual({
      provider: "cognito",
      provider_event_id: "1111b1a9-Token_POST",
      provider_event_type: "Token_POST",
      outcome: "failure",
      reason: "status_400",
      ip: "192.0.2.1",
      user_agent: "USER_AGENT",
      message: "invalid_grant",
    });
  });

  it("name the user and client where they lie, or nobody", () => {
    const who = (sample: Sample) => {
      const { oauth_client_id, user_id } = read(sample);
      return [oauth_client_id, user_id];
    };
    expect(who(auth0Sample("s", { client_id: null, user_id: "" }))).toEqual([
      undefined,
      "ada@example.com",
    ]);
    const okta = (more: object) => who(oktaSample("user.session.start", "SUCCESS", more));
    expect(okta({ client: null })).toEqual(["0oa9", "00uttidj01jqL21aM1d6"]);
    for (const type of ["PublicClientApp", "ConfidentialClientApp"]) {
      const actor = { id: "app1", type };
      expect(okta({ client: {}, actor, target: null })).toEqual(["app1", undefined]);
    }
    expect(okta({ client: {}, actor: null, target: [{ id: "u", type: "User" }] })).toEqual([
      undefined,
      "u",
    ]);
    expect(okta({ client: {}, actor: null, target: [], outcome: null })).toEqual([
      undefined,
      undefined,
    ]);
    const named = keycloakSample("LOGIN", { userId: null, details: { username: "ada" } });
    expect(who(named)).toEqual(["account-console", "ada"]);
    expect(who(keycloakSample("LOGIN", { userId: null, details: null }))[1]).toBeUndefined();
    const hosted = (client_id: unknown) =>
      who(
        cognitoSample("Token_POST", {
          requestParameters: { username: "ada" },
          additionalEventData: { requestParameters: { client_id } },
        }),
      );
    expect(hosted(["hosted", "other"])).toEqual(["hosted", "ada"]);
    expect(hosted("hosted")).toEqual(["hosted", "ada"]);
    expect(hosted(null)).toEqual([undefined, "ada"]);
  });

  it("of Okta are neither a success nor a failure where it does not say", () => {
    const outcome = (result: string) =>
      read(oktaSample("user.session.start", result)).event_data.outcome;
    expect(["SUCCESS", "ALLOW", "FAILURE", "DENY", "SKIPPED"].map(outcome)).toEqual([
      ...["success", "success", "failure", "failure"],
      undefined,
    ]);
  });

  it("are cut where a text is longer than an event takes, and cleaned of control characters", () => {
    const { oauth_client_id, user_id, event_data } = read(
      auth0Sample("fsa", {
        client_id: `a\u0000b${"c".repeat(300)}`,
        user_id: "\n",
        user_agent: "u".repeat(1025),
        ip: "i".repeat(65),
        session_id: "s".repeat(257),
      }),
    );
    expect(oauth_client_id).toBe(`ab${"c".repeat(254)}`);
    expect(user_id).toBeUndefined();
    expect(event_data.user_agent).toHaveLength(1024);
    expect(event_data.ip).toHaveLength(64);
    expect(event_data.session_id).toHaveLength(256);
  });

  it("of types that nobody knows bear the provider's name and theirs", () => {
    const type = (code: string) => read(auth0Sample(code)).event_type;
    expect(type("someNewCode2Go")).toBe("auth0_some_new_code2_go");
    expect(type("--A..b--")).toBe("auth0_a_b");
    expect(type("**")).toBe("auth0_unknown");
    expect(type("x".repeat(99))).toBe(`auth0_${"x".repeat(58)}`);
  });

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
    expect(reason("[]")).toContain("expected an object");
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

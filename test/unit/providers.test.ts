import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenFact } from "../../shared/audit-log/issuance.ts";
import { readEnrichment } from "../../shared/events/ip-enrichment.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { parseBusMessage } from "../../shared/integrations/providers/provider-adapters.ts";
import {
  auth0Sample,
  cognitoSample,
  entraAudit,
  entraSignIn,
  keycloakAdminSample,
  keycloakSample,
  oktaSample,
  pingSample,
  type Sample,
} from "../provider-samples.ts";

/** Returns the lines from a provider's published list of events. */
const getLines = (file: string): string[] =>
  readFileSync(join(import.meta.dirname, "../published", file), "utf8")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"));

/** Auth0 codes that keep a provider-specific type, by topic. */
const AUTH0_OWN: Readonly<Record<string, readonly string[]>> = {
  accounts: [
    "fce",
    "fcp",
    "fcph",
    "fcpn",
    "fcpr",
    "fcu",
    "fi",
    "fpurh",
    "fs",
    "fv",
    "fvr",
    "sce",
    "scp",
    "scpn",
    "scpr",
    "scu",
    "si",
    "ss",
    "sv",
    "svr",
    "scv",
    "scoa",
    "my_account_authentication_method_failed",
    "my_account_authentication_method_succeeded",
    "connected_accounts_connection_failed",
    "connected_accounts_connection_succeeded",
    "connected_accounts_delete_failed",
    "connected_accounts_delete_succeeded",
  ],
  messages: [
    "cls",
    "cs",
    "fn",
    "wn",
    "w",
    "wum",
    "depnote",
    "acul_sdk_notice",
    "gd_send_email",
    "gd_send_email_verification",
    "gd_send_pn",
    "gd_send_pn_failure",
    "gd_send_sms",
    "gd_send_sms_failure",
    "gd_send_voice",
    "gd_send_voice_failure",
  ],
  secondFactors: [
    "gd_auth_email_verification",
    "gd_auth_succeed",
    "gd_enrollment_complete",
    "gd_recovery_succeed",
    "gd_start_auth",
    "gd_start_enroll",
    "gd_start_enroll_failed",
    "gd_unenroll",
    "gd_update_device_account",
    "gd_webauthn_enrollment_failed",
    "mfar",
  ],
  extensions: [
    "actions_execution_failed",
    "flows_execution_completed",
    "flows_execution_failed",
    "forms_submission_failed",
    "forms_submission_succeeded",
  ],
  // Requests that start a flow. A different code reports the end.
  starts: ["ciba_start_succeeded", "passkey_challenge_started"],
  // Failed logouts, and back-channel notifications about a logout that a separate code reports.
  logouts: [
    "flo",
    "federated_logout_failed",
    "universal_logout_failed",
    "oidc_backchannel_logout_failed",
    "oidc_backchannel_logout_succeeded",
  ],
  // Assessments of every login, and summaries.
  assessments: ["pla", "acls_summary"],
};

/** Returns the EventBridge message for a sample. */
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
  if (!("event" in parsed)) throw new Error(JSON.stringify(parsed));
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
  [auth0Sample("success_on_behalf_of_token_exchange"), "token_issued", "success"],
  [auth0Sample("ciba_exchange_failed"), "auth_failed", "failure"],
  [auth0Sample("api_limit"), "rate_limited", "failure"],
  [auth0Sample("api_limit_warning"), "rate_limited", undefined],
  [auth0Sample("mgmt_api_read"), "admin_activity", "success"],
  [auth0Sample("fscim"), "admin_activity", "failure"],
  [auth0Sample("srrt"), "token_revoked", "success"],
  [auth0Sample("limit_wc"), "suspicious_activity", "success"],
  [auth0Sample("pwd_leak"), "suspicious_activity", "success"],
  [auth0Sample("sapi"), "admin_activity", "success"],
  [auth0Sample("scp"), "auth0_scp", undefined],
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
  [entraSignIn("SignInLogs"), "session_started", "success"],
  [entraSignIn("SignInLogs", 50126), "auth_failed", "failure"],
  [entraSignIn("SignInLogs", 50140), "entra_sign_in_logs", undefined],
  [entraSignIn("NonInteractiveUserSignInLogs"), "token_issued", "success"],
  [entraSignIn("NonInteractiveUserSignInLogs", 70008), "auth_failed", "failure"],
  [entraSignIn("ServicePrincipalSignInLogs"), "token_issued", "success"],
  [entraSignIn("ServicePrincipalSignInLogs", 7000215), "auth_failed", "failure"],
  [entraSignIn("ManagedIdentitySignInLogs"), "token_issued", "success"],
  [entraSignIn("UserRiskEvents"), "suspicious_activity", undefined],
  [entraSignIn("ProvisioningLogs"), "entra_provisioning_logs", undefined],
  [entraAudit("Update application"), "admin_activity", "success"],
  [entraAudit("Update application", { result: "failure" }), "admin_activity", "failure"],
  [entraAudit("Consent to application"), "consent_granted", "success"],
  [entraAudit("Consent to application", { result: "failure" }), "admin_activity", "failure"],
  [entraAudit("Remove delegated permission grant"), "consent_revoked", "success"],
  [entraAudit("Revoke user sign-in sessions"), "token_revoked", "success"],
  [pingSample("SESSION.CREATED"), "session_started", "success"],
  [pingSample("SESSION.CREATED", "FAILED"), "auth_failed", "failure"],
  [pingSample("SESSION.DELETED"), "session_ended", "success"],
  [pingSample("SESSION.DELETED", "FAILED"), "ping_session_deleted", "failure"],
  [pingSample("PASSWORD.CHECK_FAILED", "FAILED"), "auth_failed", "failure"],
  [pingSample("OTP.CHECK_INVALID"), "auth_failed", "failure"],
  [pingSample("USER.LOCKED"), "suspicious_activity", "success"],
  [pingSample("OAUTH_CONSENT.ACCEPTED"), "consent_granted", "success"],
  [pingSample("OAUTH_CONSENT.REVOKED"), "consent_revoked", "success"],
  [pingSample("APPLICATION.UPDATED"), "admin_activity", "success"],
  [pingSample("ROLE_ASSIGNMENT.CREATED", "FAILED"), "admin_activity", "failure"],
  [pingSample("USER.CREATED"), "ping_user_created", "success"],
  [keycloakSample("GRANT_CONSENT"), "consent_granted", "success"],
  [keycloakSample("CLIENT_REGISTER_ERROR"), "admin_activity", "failure"],
  [keycloakAdminSample("UPDATE", "CLIENT", "clients/1a"), "admin_activity", "success"],
  [
    keycloakAdminSample("DELETE", "USER", "users/1a", { error: "forbidden" }),
    "admin_activity",
    "failure",
  ],
  [keycloakAdminSample("ACTION", "USER", "users/1a/logout"), "session_ended", "success"],
  [keycloakAdminSample("DELETE", "USER_SESSION", "sessions/9b0c"), "session_ended", "success"],
];

/** One message of each kind that providers send. */
const SAMPLES: readonly Sample[] = [
  auth0Sample("s"),
  oktaSample("user.session.start", "SUCCESS"),
  keycloakSample("LOGIN"),
  cognitoSample("InitiateAuth"),
  entraSignIn("SignInLogs"),
  entraAudit("Update application"),
  pingSample("SESSION.CREATED"),
  keycloakAdminSample("UPDATE", "CLIENT", "clients/1a"),
];

const getProvider = (sample: Sample): string => String(read(sample).event_data.provider);

describe("parseBusMessage with identity provider events", () => {
  it.each(CASES.map(([sample, type, outcome]) => [sample.source, type, outcome, sample] as const))(
    "maps an event from %s to the type %s",
    (_, type, outcome, sample) => {
      const event = read(sample);
      expect(event.event_type).toBe(type);
      expect(event.event_data.outcome).toBe(outcome);
      expect(event.occurred_at).toMatch(/^2026-11-23T10:00:00\.(123|000)Z$/);
      // Values that a Keycloak administrator set may be secrets, so only their names are kept.
      const { representation, ...rest } = sample.detail;
      expect(event.event_data.original).toMatchObject(rest);
      if (representation === undefined) expect(event.event_data.original).toEqual(rest);
      expect(event.event_data.ip).toMatch(/^[0-9.]+$/);
      expect(event.oauth_client_id).toBeTruthy();
      // Providers don't report the token's identity and lifetime.
      expect(tokenFact(event)).toBeUndefined();
    },
  );

  /** Every provider event name that maps to a product type. */
  it.each<[string, (name: string) => Sample, Readonly<Record<string, readonly string[]>>]>([
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
          "security.attack.start",
          "security.threat.detected",
          "user.account.lock",
          "security.breached_credential.detected",
          "user.account.report_suspicious_activity_by_enduser",
        ],
        okta_app_oauth2_as_token_grant_id_token: ["app.oauth2.as.token.grant.id_token"],
      },
    ],
    [
      "Okta, when they fail,",
      (name) => oktaSample(name, "FAILURE"),
      {
        auth_failed: [
          "user.session.start",
          "user.authentication.sso",
          "app.oauth2.token.grant",
          "app.oauth2.as.token.grant",
          "app.oauth2.authorize",
          "app.oauth2.as.authorize",
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
          "CLIENT_LOGIN",
          "CODE_TO_TOKEN",
          "OAUTH2_DEVICE_CODE_TO_TOKEN",
          "REFRESH_TOKEN",
          "TOKEN_EXCHANGE",
          "AUTHREQID_TO_TOKEN",
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
          "InitiateAuth",
          "AdminInitiateAuth",
          "RespondToAuthChallenge",
          "Token_POST",
          "AdminRespondToAuthChallenge",
          "GetTokensFromRefreshToken",
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
  ])("maps every event name of %s to its type", (_, sample, names) => {
    for (const [type, all] of Object.entries(names)) {
      expect(all.map((name) => [name, read(sample(name)).event_type])).toEqual(
        all.map((name) => [name, type]),
      );
    }
  });

  it("maps every Auth0 code about tokens, sessions, protection, limits and administration to a product type", () => {
    const published = getLines("auth0-log-codes.txt");
    expect(published).toHaveLength(166);
    const own = published.filter((code) => read(auth0Sample(code)).event_type === `auth0_${code}`);
    // The list above must contain every other code, so that none is overlooked.
    expect(own.toSorted()).toEqual(Object.values(AUTH0_OWN).flat().toSorted());
    const types = new Map<string, number>();
    for (const code of published) {
      const { event_type } = read(auth0Sample(code));
      if (!event_type.startsWith("auth0_")) types.set(event_type, (types.get(event_type) ?? 0) + 1);
    }
    expect(Object.fromEntries([...types].toSorted())).toEqual({
      admin_activity: 22,
      auth_failed: 37,
      rate_limited: 3,
      session_ended: 2,
      session_started: 4,
      suspicious_activity: 8,
      token_issued: 19,
      token_revoked: 2,
    });
  });

  it("marks an Auth0 event as failed exactly when the code's description says so", () => {
    for (const code of getLines("auth0-log-codes.txt")) {
      const { outcome } = read(auth0Sample(code)).event_data;
      if (/^(s|ss|sd|se|sc|su|slo|srrt)[a-z]{0,8}$|succe/.test(code) && outcome) {
        expect([code, outcome]).toEqual([code, "success"]);
      }
      if (/fail/.test(code) && outcome) expect([code, outcome]).toEqual([code, "failure"]);
    }
  });

  it("maps Okta events to a product type by event family, or to a provider-specific type", () => {
    const published = getLines("okta-event-types.txt");
    const count = (result: string) => {
      const types: Record<string, number> = {};
      for (const name of published) {
        const { event_type } = read(oktaSample(name, result));
        const type = event_type.startsWith("okta_") ? "own" : event_type;
        types[type] = (types[type] ?? 0) + 1;
      }
      return types;
    };
    expect(published.length).toBeGreaterThan(1000);
    expect(count("SUCCESS")).toMatchInlineSnapshot(`
      {
        "admin_activity": 178,
        "auth_failed": 8,
        "consent_granted": 3,
        "consent_revoked": 8,
        "own": 767,
        "rate_limited": 13,
        "session_ended": 5,
        "session_started": 1,
        "suspicious_activity": 11,
        "token_issued": 4,
        "token_revoked": 5,
      }
    `);
    expect(count("FAILURE")).toMatchInlineSnapshot(`
      {
        "admin_activity": 178,
        "auth_failed": 47,
        "own": 754,
        "rate_limited": 13,
        "suspicious_activity": 11,
      }
    `);
    // Lists the OAuth types that map to no product type, to show that none was overlooked.
    const oauth = published.filter((name) => /oauth2|token|^zone|security/.test(name));
    const own = (name: string, result: string) =>
      read(oktaSample(name, result)).event_type.startsWith("okta_");
    expect(
      oauth.filter((name) => own(name, "SUCCESS") && own(name, "FAILURE")),
    ).toMatchInlineSnapshot(`
      [
        "app.oauth2.as.evaluate.claim",
        "app.office365.api.error.revoke.refresh.token",
        "app.office365.dirsync.skipping.non-security-group-invalid-mail",
        "device.integration.endpoint_security.activate",
        "device.integration.endpoint_security.deactivate",
        "device.token.enrollment.create",
        "pam.auth_token.issue",
        "pam.client_enrollment_policy_token.delete",
        "pam.client_enrollment_policy_token.rotate",
        "pam.gateway.setup_token.create",
        "pam.gateway.setup_token.delete",
        "pam.gateway.setup_token.update",
        "pam.security_policy.create",
        "pam.security_policy.delete",
        "pam.security_policy.evaluate",
        "pam.security_policy.update",
        "security.attack.end",
        "security.events.provider.receive_event",
        "user.account.unlock_token",
        "user.account.use_token",
      ]
    `);
  });

  it("reads the address's location and network operator", () => {
    const okta = oktaSample("user.session.start", "SUCCESS", {
      client: {
        ipAddress: "198.51.100.7",
        geographicalContext: {
          city: "Ashburn",
          country: "United States",
          geolocation: { lat: 39.0481, lon: -77.4728 },
        },
      },
      securityContext: { asNumber: 64496, asOrg: "Example Cloud", isProxy: true },
    });
    expect(readEnrichment(read(okta).event_data)).toEqual({
      country: "US",
      asn: 64496,
      organization: "Example Cloud",
      networkType: "proxy",
      latitude: 39,
      longitude: -77.5,
    });
    const auth0 = auth0Sample("s", {
      location_info: { country_code: "GB", latitude: "51.4964", longitude: "-0.1224" },
    });
    expect(read(auth0).event_data.geo).toEqual({
      country_iso_code: "GB",
      latitude: 51.5,
      longitude: -0.1,
    });
    const { detail, ...entra } = entraSignIn("SignInLogs", 0);
    const inBerlin = {
      ...(detail as { properties: object }).properties,
      autonomousSystemNumber: 64497,
      location: {
        city: "Berlin",
        countryOrRegion: "DE",
        geoCoordinates: { latitude: 52.5163, longitude: 13.3777 },
      },
    };
    expect(
      readEnrichment(
        read({ ...entra, detail: { ...(detail as object), properties: inBerlin } }).event_data,
      ),
    ).toEqual({ country: "DE", asn: 64497, latitude: 52.5, longitude: 13.4 });
  });

  it.each([
    [{ client: { geographicalContext: "", ipAddress: "198.51.100.7" }, securityContext: null }],
    [{ client: { geographicalContext: { country: "Atlantis", geolocation: [] } } }],
    [{ securityContext: { asNumber: -1, asOrg: 7, isProxy: "yes" } }],
    [{ client: { geographicalContext: { geolocation: { lat: "north", lon: 7 } } } }],
  ])("drops only the invalid fields of %j, not the event", (more) => {
    const event = read(oktaSample("user.session.start", "SUCCESS", more));
    expect(event.event_type).toBe("session_started");
    expect([undefined, { country: "DE" }]).toContainEqual(readEnrichment(event.event_data));
  });

  it("redacts product tokens in the IP enrichment", () => {
    const secret = `oam_${"b".repeat(43)}`;
    const event = read(
      oktaSample("user.session.start", "SUCCESS", {
        securityContext: { asNumber: 64496, asOrg: `Bearer ${secret}` },
      }),
    );
    expect(JSON.stringify(event)).not.toContain(secret);
    expect(event.event_data.autonomous_system).toMatchObject({ number: 64496 });
  });

  it("reads every known detail about the call", () => {
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
      geo: { country_iso_code: "DE" },
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

  it("reads the user and the client when they are known", () => {
    const identities = (sample: Sample) => {
      const { oauth_client_id, user_id } = read(sample);
      return [oauth_client_id, user_id];
    };
    expect(identities(auth0Sample("s", { client_id: null, user_id: "" }))).toEqual([
      undefined,
      "ada@example.com",
    ]);
    const okta = (more: object) => identities(oktaSample("user.session.start", "SUCCESS", more));
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
    expect(identities(named)).toEqual(["account-console", "ada"]);
    expect(identities(keycloakSample("LOGIN", { userId: null, details: null }))[1]).toBeUndefined();
    const hosted = (client_id: unknown) =>
      identities(
        cognitoSample("Token_POST", {
          requestParameters: { username: "ada" },
          additionalEventData: { requestParameters: { client_id } },
        }),
      );
    expect(hosted(["hosted", "other"])).toEqual(["hosted", "ada"]);
    expect(hosted("hosted")).toEqual(["hosted", "ada"]);
    expect(hosted(null)).toEqual([undefined, "ada"]);
  });

  it("leaves the outcome empty when Okta reports none", () => {
    const outcome = (result: string) =>
      read(oktaSample("user.session.start", result)).event_data.outcome;
    expect(["SUCCESS", "ALLOW", "FAILURE", "DENY", "SKIPPED"].map(outcome)).toEqual([
      "success",
      "success",
      "failure",
      "failure",
      undefined,
    ]);
  });

  it("shortens long texts and removes control characters", () => {
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

  it("reads times without a time zone as UTC in any local time zone", () => {
    const zone = process.env.TZ;
    process.env.TZ = "America/New_York";
    const { detail, ...sample } = entraSignIn("SignInLogs");
    const readAt = (createdDateTime: string | number) =>
      read({ ...sample, detail: { ...detail, properties: { createdDateTime } } }).occurred_at;
    try {
      expect(
        [
          "2007-01-09T09:41:00",
          "2007-01-09 09:41:00.5",
          "1/9/2007 9:41:00 AM",
          "1/9/2007 10:41:00 AM +01:00",
          "2007-01-09T04:41:00-0500",
          "2007-01-09T09:41:00z",
          "Tue, 09 Jan 2007 09:41:00 GMT",
          "Tue Jan 09 2007 10:41:00 GMT+0100 (CET)",
          "2007-01-09",
          1168335660000,
        ].map(readAt),
      ).toEqual([
        "2007-01-09T09:41:00.000Z",
        "2007-01-09T09:41:00.500Z",
        ...Array(6).fill("2007-01-09T09:41:00.000Z"),
        "2007-01-09T00:00:00.000Z",
        "2007-01-09T09:41:00.000Z",
      ]);
    } finally {
      process.env.TZ = zone;
    }
  });

  it.each([
    ["203.0.113.9:57485", "203.0.113.9"],
    ["[2001:db8::9]:443", "2001:db8::9"],
    ["[2001:db8::9]", "2001:db8::9"],
    ["2001:db8::9", "2001:db8::9"],
    ["203.0.113.9", "203.0.113.9"],
    ["[somewhere]:443", "[somewhere]:443"],
  ])("stores the address %s without its port", (sent, stored) => {
    const { detail, ...sample } = entraSignIn("SignInLogs");
    const { ip } = read({
      ...sample,
      detail: { ...detail, properties: { ipAddress: sent } },
    }).event_data;
    expect(ip).toBe(stored);
  });

  it("reads the subject, source and reason from Entra ID events in every envelope format", () => {
    const failed = entraSignIn("SignInLogs", 50126);
    const { original: _, ...facts } = read(failed).event_data;
    expect(facts).toEqual({
      provider: "entra",
      provider_event_id: "0231f922-SignInLogs-50126",
      provider_event_type: "SignInLogs",
      outcome: "failure",
      reason: "wrong_password",
      ip: "198.51.100.21",
      geo: { country_iso_code: "DE" },
      user_agent: "Mozilla/5.0",
      session_id: "00a1",
      message: "Error validating credentials.",
    });
    expect(read(failed)).toMatchObject({ oauth_client_id: "app-77", user_id: "8f21" });
    expect(read({ ...failed, detail: { records: [failed.detail] } })).toMatchObject({
      id: read(failed).id,
      event_type: "auth_failed",
    });
    const reason = (code: number) =>
      read(entraSignIn("ServicePrincipalSignInLogs", code)).event_data.reason;
    expect([7000222, 700016, 70008].map(reason)).toEqual([
      "invalid_client",
      "invalid_client",
      "error_70008",
    ]);
    const byNumber = entraSignIn("SignInLogs", 0, { status: null });
    const detail = { ...byNumber.detail, resultType: 50053 };
    expect(read({ ...byNumber, detail }).event_data.reason).toBe("locked");
    const byWord = { ...byNumber, detail: { ...byNumber.detail, resultType: "Success" } };
    expect(read(byWord).event_type).toBe("session_started");
    const { detail: audit, ...message } = entraAudit("Add owner to application");
    const typeIn = (category: string, more: Record<string, unknown> = {}) =>
      read({ ...message, detail: { ...audit, category, ...more } }).event_type;
    expect(["ApplicationManagement", "Policy", "StorageRead"].map((each) => typeIn(each))).toEqual([
      "admin_activity",
      "admin_activity",
      "entra_storage_read",
    ]);
    // Azure policies that are sent to the same event hub.
    const ofAzure = { resourceId: "/subscriptions/1a/providers/Microsoft.Storage" };
    expect(typeIn("Policy", ofAzure)).toBe("entra_policy");
    // Microsoft Graph sends only the properties.
    const bare = (sample: Sample, more: Record<string, unknown> = {}): Sample => ({
      ...sample,
      detail: { ...(sample.detail.properties as Record<string, unknown>), ...more },
    });
    expect(read(bare(failed))).toMatchObject({
      id: read(failed).id,
      event_type: "auth_failed",
      oauth_client_id: "app-77",
      event_data: { provider_event_type: "SignInLogs", ip: "198.51.100.21" },
    });
    const types = { signInEventTypes: ["servicePrincipal"] };
    expect(read(bare(byNumber, types)).event_type).toBe("entra_service_principal_sign_in_logs");
    const succeeded = bare(entraSignIn("ServicePrincipalSignInLogs"), types);
    expect(read(succeeded).event_type).toBe("token_issued");
    expect(read(bare(entraAudit("Consent to application"))).event_type).toBe("consent_granted");
    const getSecret = (result: string) =>
      read(entraAudit("Add service principal credentials", { result, resultReason: "why" }))
        .event_data.reason;
    expect(["success", "failure"].map(getSecret)).toEqual(["secret_changed", "why"]);
    const byApplication = entraAudit("Add owner", {
      initiatedBy: { app: { servicePrincipalId: "sp1" } },
    });
    expect(read(byApplication)).toMatchObject({ oauth_client_id: "sp1" });
    expect(read(byApplication).user_id).toBeUndefined();
  });

  it("reads the subject, source and reason from PingOne events", () => {
    const { original: _, ...facts } = read(pingSample("OTP.CHECK_INVALID", "FAILED")).event_data;
    expect(facts).toEqual({
      provider: "ping",
      provider_event_id: "7a0463f2-OTP.CHECK_INVALID-FAILED",
      provider_event_type: "OTP.CHECK_INVALID",
      outcome: "failure",
      reason: "mfa_failed",
      ip: "203.0.113.30",
      user_agent: "Mozilla/5.0",
      message: "What came of it",
    });
    const sample = pingSample("SECRET.READ");
    expect(read(sample)).toMatchObject({
      oauth_client_id: "shop-app",
      user_id: "u-51",
      event_data: { reason: "secret_read" },
    });
    const listed = { ...sample, detail: [sample.detail] as unknown as Sample["detail"] };
    expect(read(listed).id).toBe(read(sample).id);
  });

  it("records which settings a Keycloak administrator changed, but not the new values", () => {
    const representation = JSON.stringify({ clientId: "shop", secret: "s3cr3t-v4lue" });
    const event = read(
      keycloakAdminSample("UPDATE", "CLIENT", "clients/1a/client-secret", { representation }),
    );
    expect(JSON.stringify(event)).not.toContain("s3cr3t-v4lue");
    expect(event).toMatchObject({
      oauth_client_id: "admin-console",
      user_id: "adm1",
      event_data: {
        provider_event_type: "admin.CLIENT.UPDATE",
        reason: "secret_changed",
        ip: "203.0.113.9",
        endpoint: "clients/1a/client-secret",
        original: { representation: { members: ["clientId", "secret"] } },
      },
    });
    const members = (value: unknown) => {
      const sample = keycloakAdminSample("CREATE", "USER", "users/1a", { representation: value });
      return (read(sample).event_data.original as { representation: unknown }).representation;
    };
    expect(members([{ name: "admin" }])).toEqual({ members: ["name"] });
    for (const none of ["not JSON", "null", "[null]", 7])
      expect(members(none)).toEqual({ members: [] });
  });

  it("builds an unknown event's type from the provider's name and type", () => {
    const type = (code: string) => read(auth0Sample(code)).event_type;
    expect(type("someNewCode2Go")).toBe("auth0_some_new_code2_go");
    expect(type("--A..b--")).toBe("auth0_a_b");
    expect(type("**")).toBe("auth0_unknown");
    expect(type("x".repeat(99))).toBe(`auth0_${"x".repeat(58)}`);
  });

  it("keeps the subject, source and reason", () => {
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
    const ferrt = (description: string) =>
      read(auth0Sample("ferrt", { description })).event_data.reason;
    for (const reuse of [
      "Unsuccessful Refresh Token exchange, reused refresh token detected",
      "Reused rotating refresh token detected, revoked the family",
    ]) {
      expect(ferrt(reuse)).toBe("refresh_token_reused");
    }
    expect(ferrt("Unknown or invalid refresh token.")).toBe("refresh_token_invalid");
    expect(ferrt("The client is not allowed to.")).toBe("The client is not allowed to.");
    const stale = { ...keycloakSample("REFRESH_TOKEN_ERROR") };
    const keycloakReason = (reason: string) =>
      read({ ...stale, detail: { ...stale.detail, error: "invalid_token", details: { reason } } })
        .event_data.reason;
    expect(keycloakReason("Session not active")).toBe("refresh_token_invalid");
    expect(keycloakReason("Stale token")).toBe("refresh_token_reused");
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

  it("derives the event ID from the provider's ID, so a redelivery creates the same event", () => {
    for (const [sample] of CASES) {
      expect(read(sample, "eb-1").id).toBe(read(sample, "eb-2").id);
    }
    const ids = new Set(CASES.map(([sample]) => read(sample).id));
    // Cases that differ only in the outcome share an ID.
    expect(ids.size).toBeGreaterThan(CASES.length - 6);
    const { id: _, ...nameless } = keycloakSample("LOGIN").detail;
    const without = { ...keycloakSample("LOGIN"), detail: nameless };
    expect(read(without, "eb-1").id).not.toBe(read(without, "eb-2").id);
  });

  it("redacts secrets in the provider's data", () => {
    const event = read(auth0Sample("seacft", { details: { code: "c0de", refresh_token: "r3fr" } }));
    expect(JSON.stringify(event)).not.toMatch(/c0de|r3fr/);
    expect(JSON.stringify(event)).toContain("sha256:");
  });

  it("shortens an event that is too large instead of dropping it", () => {
    const event = read(auth0Sample("s", { details: { prompts: "é".repeat(100_000) } }));
    expect(event.event_type).toBe("session_started");
    expect(event.event_data.original).toBeUndefined();
    expect(String(event.event_data.original_cut)).toContain("log_id");
  });

  it("splits a multi-record batch and derives event IDs from the provider's IDs or the batch position", () => {
    const { detail } = entraSignIn("SignInLogs", 50126);
    const other = { ...detail, properties: { ...(detail.properties as object), id: "other" } };
    const records = [detail, other, { category: "Odd" }, { category: "Odd" }, 7];
    const batch = (id: string, all: unknown[] = records) => {
      const sample = { ...entraSignIn("SignInLogs", 0), detail: { records: all } };
      const parsed = parseBusMessage(message(sample, id));
      return "batch" in parsed ? parsed.batch : [];
    };
    const events = batch("eb-1");
    expect(events.map(({ event_type }) => event_type)).toEqual([
      "auth_failed",
      "auth_failed",
      "entra_odd",
      "entra_odd",
      "entra_unknown",
    ]);
    const ids = events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(records.length);
    expect(ids[0]).toBe(read({ ...entraSignIn("SignInLogs", 0), detail }).id);
    expect(batch("eb-1").map(({ id }) => id)).toEqual(ids);
    // In a second delivery, only records that have a provider ID keep the same event ID.
    expect(batch("eb-2").filter(({ id }) => ids.includes(id))).toHaveLength(2);
    expect(batch("eb-1", [detail])).toEqual([]);
    expect(batch("eb-1", [])).toEqual([]);
    expect(
      batch(
        "eb-1",
        Array.from({ length: 2001 }, () => 1),
      ),
    ).toEqual([]);
  });

  it("rejects unknown sources and invalid messages with the reason", () => {
    const reason = (text: string) => {
      const parsed = parseBusMessage(text);
      return "reason" in parsed ? parsed.reason : undefined;
    };
    expect(reason(message({ ...auth0Sample("s"), source: "com.example" }))).toContain(
      "known identity provider",
    );
    expect(reason("[]")).toContain("expected an object");
    const { source } = auth0Sample("s");
    const untimed = JSON.stringify({ source, "detail-type": "Auth0 log", id: "eb-1", detail: 7 });
    expect(reason(untimed)).toContain("occurred_at");
  });
});

/** Returns the paths of all values in a JSON document. */
function getPaths(value: unknown, way: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([key, inner]) => getPaths(inner, [...way, key]))];
}

/** Returns the document with the value at a path replaced. */
function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

describe("parseBusMessage with arbitrary provider data", () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      "",
      null,
      [],
      {},
      0,
      1e300,
      1e-300,
      "\ud800",
      "\u0000",
      [[]],
      "x".repeat(5000),
    ),
    fc.constantFrom<unknown>({ "": 1 }, { ["__proto__x".slice(0, 9)]: { a: 1 } }),
  );

  const stored = (sample: Sample, detail: unknown): OAuthEvent => {
    const event = read({ ...sample, detail: detail as Sample["detail"] });
    // The schema must accept its own output, as the store does.
    expect(oauthEventSchema.safeParse(event).error).toBeUndefined();
    return event;
  };

  it.each(SAMPLES.map((sample) => [getProvider(sample), sample] as const))(
    "returns an event from %s for any JSON value",
    (provider, sample) => {
      fc.assert(
        fc.property(anything, (detail) => {
          expect(stored(sample, detail).event_data.provider).toBe(provider);
        }),
        { numRuns: 300 },
      );
      for (const detail of [null, [], "", 7, {}]) {
        const event = stored(sample, detail);
        expect(event.event_type).toBe(`${provider}_unknown`);
        expect(event.occurred_at).toBe("2026-11-23T10:00:05.000Z");
        expect(event.event_data).toMatchObject({ original: detail, provider_event_id: "eb-1" });
      }
    },
  );

  it.each(SAMPLES.map((sample) => [getProvider(sample), sample] as const))(
    "drops only the invalid field from a %s event",
    (provider, sample) => {
      const original = read(sample);
      const paths = getPaths(sample.detail);
      fc.assert(
        fc.property(fc.constantFrom(...paths), anything, (path, other) => {
          const event = stored(sample, replaced(sample.detail, path, other));
          expect(event.event_data.provider).toBe(provider);
        }),
        { numRuns: 500 },
      );
      // A leaf of the wrong type removes at most the fields derived from it: three.
      for (const path of paths.filter((each) => each.length > 0)) {
        const event = stored(sample, replaced(sample.detail, path, [{ wrong: true }]));
        const kept = Object.keys(original.event_data).filter((key) => key in event.event_data);
        const leaf = getPaths(path.reduce<unknown>((at, key) => (at as never)[key], sample.detail));
        if (leaf.length > 1) continue;
        expect(kept.length, path.join(".")).toBeGreaterThanOrEqual(
          Object.keys(original.event_data).length - 3,
        );
      }
    },
  );

  it("accepts any nesting depth and any key length", () => {
    for (const depth of [20, 40, 20_000]) {
      const text = message(auth0Sample("s")).replace(
        '"details":',
        `"deep":${"[".repeat(depth)}${"]".repeat(depth)},"${"k".repeat(70_000)}":1,"details":`,
      );
      const parsed = parseBusMessage(text);
      expect("event" in parsed && parsed.event.event_type).toBe("session_started");
    }
  });

  it("creates a unique event ID even when the provider sends none", () => {
    const bare = { ...auth0Sample("s"), detail: { data: { type: "s" } } };
    expect(read(bare, "eb-1").id).not.toBe(read(bare, "eb-2").id);
    expect(read(bare, "").id).toBe(read(bare, "").id);
    expect(read(bare, "").id).not.toBe(read(auth0Sample("s"), "").id);
    const half = { ...auth0Sample("s"), detail: { log_id: "\ud800", data: {} } };
    expect(read(half).id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("accepts empty strings that Okta sends instead of objects", () => {
    const event = read(
      oktaSample("user.session.start", "SUCCESS", {
        debugContext: { debugData: "" },
        client: "",
        target: "",
        authenticationContext: [],
      }),
    );
    expect(event.event_type).toBe("session_started");
    expect(event.user_id).toBe("00uttidj01jqL21aM1d6");
    expect(event.event_data.endpoint).toBeUndefined();
  });

  it("leaves no secret in shortened data", () => {
    const event = read(
      auth0Sample("s", { details: { refresh_token: "r3fr35h", prompts: "é".repeat(100_000) } }),
    );
    expect(event.event_data.original_cut).toBeDefined();
    expect(JSON.stringify(event)).not.toContain("r3fr35h");
  });
});

/** Messages in the providers' published shapes, one of each kind that matters. */
export const AUTH0_BUS = "aws.partner/auth0.com/tenant-1a2b3c/auth0.logs";
export const OKTA_BUS = "aws.partner/okta.com/example/stream";

export interface Sample {
  readonly source: string;
  readonly detailType: string;
  readonly bus: "own" | "default" | "partner";
  readonly detail: Record<string, unknown>;
}

export function auth0Sample(type: string, data: Record<string, unknown> = {}): Sample {
  return {
    source: AUTH0_BUS,
    detailType: "Auth0 log",
    bus: "partner",
    detail: {
      log_id: `90020211103${type}`,
      data: {
        _id: `90020211103${type}`,
        log_id: `90020211103${type}`,
        date: "2026-11-23T10:00:00.123Z",
        type,
        description: "Wrong email or password.",
        connection: "Username-Password-Authentication",
        connection_id: "con_1",
        client_id: "AaiyAPdpYdesoKnqjj8HJqRn4T5titww",
        client_name: "My application",
        ip: "190.25.209.19",
        user_agent: "Chrome 119.0.0 / Mac OS X 10.15.7",
        details: { error: { message: "Wrong email or password." } },
        hostname: "tenant.auth0.com",
        user_id: "auth0|56c75c4e42b6359e98374bc2",
        user_name: "ada@example.com",
        strategy: "auth0",
        scope: ["openid"],
        audience: "https://api.example.com",
        isMobile: false,
        ...data,
      },
    },
  };
}

export function oktaSample(eventType: string, result: string, more: object = {}): Sample {
  return {
    source: OKTA_BUS,
    detailType: "SystemLog",
    bus: "partner",
    detail: {
      uuid: `dc9fd3c0-598c-11ef-8478-2b7584bf8d5a-${eventType}`,
      published: "2026-11-23T10:00:00.123Z",
      eventType,
      version: "0",
      severity: "INFO",
      legacyEventType: null,
      displayMessage: "OAuth2 access token is granted",
      actor: {
        id: "00uttidj01jqL21aM1d6",
        type: "User",
        alternateId: "ada@example.com",
        displayName: "Ada",
        detailEntry: null,
      },
      client: {
        userAgent: { rawUserAgent: "Mozilla/5.0", os: "Mac OS X", browser: "CHROME" },
        zone: null,
        device: "Computer",
        id: "0oa1b2c3d4",
        ipAddress: "198.51.100.7",
        geographicalContext: { country: "Germany" },
      },
      outcome: { result, reason: result === "FAILURE" ? "INVALID_CREDENTIALS" : null },
      target: [{ id: "0oa9", type: "AppInstance", alternateId: "App", displayName: "App" }],
      transaction: { type: "WEB", id: "t1", detail: {} },
      debugContext: { debugData: { requestUri: "/oauth2/default/v1/token" } },
      authenticationContext: { externalSessionId: "102bZDNFfWaQSyEZQuDgWt-uQ" },
      securityContext: { isProxy: false },
      request: { ipChain: [] },
      ...more,
    },
  };
}

export function keycloakSample(type: string, more: Record<string, unknown> = {}): Sample {
  return {
    source: "oauth.keycloak",
    detailType: "Keycloak event",
    bus: "own",
    detail: {
      id: `0d2d0ff7-6f4a-4cb0-9f0b-${type}`,
      time: Date.parse("2026-11-23T10:00:00.123Z"),
      type,
      realmId: "5b1a",
      realmName: "shop",
      clientId: "account-console",
      userId: "f7a1c2",
      sessionId: "9b0c",
      ipAddress: "203.0.113.8",
      error: type.endsWith("_ERROR") ? "invalid_user_credentials" : null,
      details: { auth_method: "openid-connect", redirect_uri: "https://shop.example.com/" },
      ...more,
    },
  };
}

export function cognitoSample(eventName: string, more: Record<string, unknown> = {}): Sample {
  return {
    source: "aws.cognito-idp",
    detailType: "AWS API Call via CloudTrail",
    bus: "default",
    detail: {
      eventVersion: "1.08",
      userIdentity: { type: "Unknown", principalId: "Anonymous" },
      eventTime: "2026-11-23T10:00:00Z",
      eventSource: "cognito-idp.amazonaws.com",
      eventName,
      awsRegion: "us-east-1",
      sourceIPAddress: "192.0.2.1",
      userAgent: "USER_AGENT",
      requestParameters: {
        authFlow: "USER_SRP_AUTH",
        authParameters: "HIDDEN_DUE_TO_SECURITY_REASONS",
        clientId: "1example23456789",
      },
      responseElements: null,
      additionalEventData: { sub: "11110b4c-1f4264cd111" },
      requestID: "b2cb1d0a",
      eventID: `1111b1a9-${eventName}`,
      readOnly: false,
      eventType: "AwsApiCall",
      managementEvent: true,
      recipientAccountId: "111122223333",
      eventCategory: "Management",
      ...more,
    },
  };
}

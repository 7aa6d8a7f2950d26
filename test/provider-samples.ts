/** Messages in the providers' published formats, one for each relevant kind. */
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

/** A sign-in, as sent by Entra ID's diagnostic settings. */
export function entraSignIn(
  category: string,
  errorCode = 0,
  more: Record<string, unknown> = {},
): Sample {
  return {
    source: "oauth.entra",
    detailType: "Entra log",
    bus: "own",
    detail: {
      time: "2026-11-23T10:00:04.5522137Z",
      resourceId: "/tenants/4f3c/providers/Microsoft.aadiam",
      operationName: "Sign-in activity",
      operationVersion: "1.0",
      category,
      tenantId: "4f3c",
      resultType: String(errorCode),
      resultSignature: "None",
      durationMs: 0,
      callerIpAddress: "198.51.100.20",
      correlationId: "a75a10bd",
      identity: "Ada",
      Level: 4,
      location: "DE",
      properties: {
        id: `0231f922-${category}-${errorCode}`,
        createdDateTime: "2026-11-23T12:00:00.1234567+02:00",
        userDisplayName: "Ada",
        userPrincipalName: "ada@example.com",
        userId: "8f21",
        appId: "app-77",
        appDisplayName: "Shop",
        ipAddress: "198.51.100.21",
        status: {
          errorCode,
          failureReason: errorCode === 0 ? "Other." : "Error validating credentials.",
        },
        userAgent: "Mozilla/5.0",
        sessionId: "00a1",
        riskLevelDuringSignIn: "none",
        ...more,
      },
    },
  };
}

/** An entry from Entra ID's audit log. */
export function entraAudit(operation: string, more: Record<string, unknown> = {}): Sample {
  return {
    source: "oauth.entra",
    detailType: "Entra log",
    bus: "own",
    detail: {
      time: "2026-11-23T10:00:04.0273716Z",
      resourceId: "/tenants/4f3c/providers/Microsoft.aadiam",
      operationName: operation,
      category: "AuditLogs",
      resultSignature: "None",
      level: "Informational",
      properties: {
        id: `Directory_${operation}`,
        category: "ApplicationManagement",
        result: "success",
        resultReason: "",
        activityDisplayName: operation,
        activityDateTime: "2026-11-23T10:00:00.1230000+00:00",
        loggedByService: "Core Directory",
        initiatedBy: {
          user: { id: "8f21", userPrincipalName: "ada@example.com", ipAddress: "198.51.100.21" },
          app: { appId: "app-77" },
        },
        targetResources: [{ id: "t1", type: "ServicePrincipal", modifiedProperties: [] }],
        ...more,
      },
    },
  };
}

/** A PingOne activity, as sent by PingOne's webhooks. */
export function pingSample(
  type: string,
  status = "SUCCESS",
  more: Record<string, unknown> = {},
): Sample {
  return {
    source: "oauth.ping",
    detailType: "PingOne activity",
    bus: "own",
    detail: {
      _links: { self: { href: "https://api.pingone.eu/v1/environments/e1/activities/a1" } },
      id: `7a0463f2-${type}-${status}`,
      recordedAt: "2026-11-23T10:00:00.123Z",
      createdAt: "2026-11-23T10:00:00.400Z",
      correlationId: "c1",
      actors: {
        client: { id: "shop-app", name: "Shop", type: "CLIENT" },
        user: { id: "u-51", name: "ada@example.com", type: "USER" },
      },
      action: { type, description: "What was done" },
      resources: [{ type: "USER", id: "u-51", name: "ada@example.com" }],
      source: { ipAddress: "203.0.113.30", userAgent: "Mozilla/5.0" },
      result: { status, description: "What came of it" },
      ...more,
    },
  };
}

/** A Keycloak admin event. */
export function keycloakAdminSample(
  operationType: string,
  resourceType: string,
  resourcePath: string,
  more: Record<string, unknown> = {},
): Sample {
  return {
    source: "oauth.keycloak",
    detailType: "Keycloak admin event",
    bus: "own",
    detail: {
      id: `5e1c-${operationType}-${resourcePath}`,
      time: Date.parse("2026-11-23T10:00:00.123Z"),
      realmId: "5b1a",
      realmName: "shop",
      authDetails: {
        realmId: "master",
        clientId: "admin-console",
        userId: "adm1",
        ipAddress: "203.0.113.9",
      },
      operationType,
      resourceType,
      resourcePath,
      representation: null,
      error: null,
      ...more,
    },
  };
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { httpApiPath } from "../../doors/events/http-api-path.ts";
import { callerOf } from "../../doors/lambda/caller-of.ts";
import { readInvokedCall } from "../../doors/lambda/invoked-call.ts";
import { readAuthorizerCall } from "../../functions/authorizer/authorizer-call.ts";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { normalizePath } from "../../shared/authorization/request-path.ts";
import { InvalidInputError } from "../../shared/index.ts";
import {
  APPSYNC_EVENT,
  FUNCTION_URL_EVENT,
  HTTP_API_1_EVENT,
  HTTP_API_AUTHORIZER_EVENT,
  HTTP_API_EVENT,
  LOAD_BALANCER_EVENT,
  LOAD_BALANCER_MULTI_VALUE_EVENT,
  REST_API_EVENT,
} from "../gateway-events.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
const read = (event: object, balancer = {}): ProtectedRequest =>
  readInvokedCall(event, balancer).request;

const COMMON = {
  method: "POST",
  path: "/api/orders/7",
  authorization: ["Bearer opaque-token"],
  sessionSecret: undefined,
  ip: "203.0.113.9",
  userAgent: "curl/8.9",
};

describe("a call is read from the event of", () => {
  it.each([
    [
      "an HTTP API",
      HTTP_API_EVENT,
      {
        requestId: "JKJaXmPLvHcESHA=",
        url: "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/api/orders/7",
        clientCertificate: PEM,
      },
    ],
    [
      "a REST API",
      REST_API_EVENT,
      {
        requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        url: "https://d4e5f6.execute-api.eu-central-1.amazonaws.com/prod/api/orders/7",
        clientCertificate: PEM,
      },
    ],
    [
      "an HTTP API in format 1.0",
      HTTP_API_1_EVENT,
      {
        requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        url: "https://d4e5f6.execute-api.eu-central-1.amazonaws.com/prod/api/orders/7",
        clientCertificate: PEM,
      },
    ],
    [
      "a function URL",
      FUNCTION_URL_EVENT,
      {
        method: "GET",
        path: "/api/caf%C3%A9",
        requestId: "5ba1cb3d-6ad6-4a0e-9a1c-2b8d0a9f0a11",
        url: "https://x7y8z9.lambda-url.eu-central-1.on.aws/api/caf%C3%A9",
      },
    ],
    [
      "a load balancer",
      LOAD_BALANCER_EVENT,
      {
        requestId: "1-62fa9327-aaaaaaaaaaaaaaaaaaaaaaaa",
        traceId: "1-62fa9327-21cdd4da4c6db451490a5fb7",
      },
    ],
    [
      "a load balancer with multi-value headers",
      LOAD_BALANCER_MULTI_VALUE_EVENT,
      {
        requestId: "1-62fa9327-aaaaaaaaaaaaaaaaaaaaaaaa",
        traceId: "1-62fa9327-21cdd4da4c6db451490a5fb7",
      },
    ],
  ])("%s", (_, event, own) => {
    expect(read(event)).toEqual({ ...COMMON, traceId: undefined, ...own });
  });

  it.each([
    ["198.51.100.1, 203.0.113.9:41234", "203.0.113.9"],
    ["[2001:db8::1]:41234", "2001:db8::1"],
    ["[2001:DB8::1]", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
  ])("a load balancer that adds the caller's port: %s", (forwarded, ip) => {
    const headers = { ...LOAD_BALANCER_EVENT.headers, "x-forwarded-for": forwarded };
    expect(read({ ...LOAD_BALANCER_EVENT, headers }).ip).toBe(ip);
  });

  it("an HTTP API's authorizer, as of its integration", () => {
    expect(readAuthorizerCall(HTTP_API_AUTHORIZER_EVENT).request).toEqual(read(HTTP_API_EVENT));
  });

  it("AppSync, whose operation is a detail", () => {
    const appSync = {
      ...COMMON,
      path: "/graphql",
      traceId: undefined,
      requestId: "b80ed838-14c6-4500-b4c3-b694c7bef086",
      url: "https://ghijkl5fbfkb2p3jzq7yyxyz7i.appsync-api.eu-central-1.amazonaws.com/graphql",
    };
    const { request } = readAuthorizerCall(APPSYNC_EVENT);
    expect(request).toEqual({ ...appSync, details: { graphql_operation: "Cancel" } });
    const { requestContext } = APPSYNC_EVENT;
    const bare = {
      authorizationToken: "opaque-token",
      requestContext: { ...requestContext, operationName: null },
    };
    expect(readAuthorizerCall(bare).request).toEqual({
      method: "POST",
      path: "/graphql",
      authorization: ["opaque-token"],
      sessionSecret: undefined,
      userAgent: undefined,
      ip: "unknown",
      requestId: appSync.requestId,
      traceId: undefined,
    });
  });

  it("no TOKEN authorizer of a REST API: its event lacks the caller's address", () => {
    const methodArn = "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/prod/GET/api";
    const event = { type: "TOKEN", authorizationToken: "Bearer opaque-token", methodArn };
    expect(() => readAuthorizerCall(event)).toThrow("requestContext");
  });

  it("a REST API's authorizer, as of its integration", () => {
    const { body: _, isBase64Encoded: __, ...call } = REST_API_EVENT;
    const methodArn = "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/prod/POST/api/orders/7";
    const event = { type: "REQUEST", methodArn, ...call };
    expect(readAuthorizerCall(event).request).toEqual(read(REST_API_EVENT));
  });

  it("a REST API's console, which has no headers, no certificate and no address", () => {
    const { domainName: _, ...requestContext } = REST_API_EVENT.requestContext;
    const event = {
      ...REST_API_EVENT,
      methodArn: "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/test-invoke-stage/POST/api",
      headers: null,
      multiValueHeaders: null,
      queryStringParameters: null,
      requestContext: {
        ...requestContext,
        stage: "test-invoke-stage",
        identity: {
          ...requestContext.identity,
          clientCert: null,
          sourceIp: "test-invoke-source-ip",
        },
      },
    };
    expect(readAuthorizerCall(event).request).toMatchObject({
      path: "/api/orders/7",
      authorization: [],
      ip: "test-invoke-source-ip",
    });
  });

  it.each([
    ["an HTTP API without mutual TLS", HTTP_API_EVENT],
    ["a function URL without IAM", FUNCTION_URL_EVENT],
  ])("%s, which has a null for who called", (_, event) => {
    const { requestContext } = event;
    const nulls = { authentication: null, authorizer: null };
    const call = { ...event, requestContext: { ...requestContext, ...nulls } };
    expect(read(call)).not.toHaveProperty("clientCertificate");
    expect(read(call).authorization).toEqual(["Bearer opaque-token"]);
  });

  it("a load balancer: its certificate and its origin only as they are configured", () => {
    const event = {
      ...LOAD_BALANCER_EVENT,
      headers: {
        ...LOAD_BALANCER_EVENT.headers,
        "x-amzn-mtls-clientcert": encodeURIComponent(PEM),
        dpop: "proof",
      },
    };
    expect(read(event)).not.toHaveProperty("clientCertificate");
    expect(read(event)).not.toHaveProperty("url");
    const configured = {
      publicOrigin: "https://api.example.com",
      clientCertificateHeader: "X-Amzn-Mtls-Clientcert",
    };
    expect(read(event, configured)).toMatchObject({
      clientCertificate: PEM,
      url: "https://api.example.com/api/orders/7",
      dpopProofs: ["proof"],
    });
    const broken = { ...event, headers: { ...event.headers, "x-amzn-mtls-clientcert": "%" } };
    expect(read(broken, configured)).not.toHaveProperty("clientCertificate");
  });

  it("nothing else: another event is refused", () => {
    for (const event of [{}, null, { Records: [] }, { version: "2.0", requestContext: {} }]) {
      expect(() => readInvokedCall(event, {})).toThrow(InvalidInputError);
    }
  });
});

describe("the path of an HTTP API", () => {
  it.each([
    ["/api/x", "$default", "ANY", "/api/x"],
    ["/live/api/x", "live", "/api/{proxy+}", "/api/x"],
    ["/live", "live", "$default", "/"],
    ["/livery/x", "live", "$default", "/livery/x"],
    // A route that begins with the name of its stage, behind a custom domain and without one.
    ["/live/x", "live", "/live/{id}", "/live/x"],
    ["/live/live/x", "live", "/live/{id}", "/live/x"],
    ["/api/a b?c#d%", "$default", "$default", "/api/a%20b%3Fc%23d%25"],
  ])("%s in the stage %s, of the route %s, is %s", (rawPath, stage, route, path) => {
    expect(httpApiPath(rawPath, stage, route)).toEqual({ path });
  });

  it("is read both ways when it looks encoded, so that no encoding evades a route", () => {
    expect(httpApiPath("/api/%61dmin", "$default")).toEqual({
      path: "/api/%2561dmin",
      otherPath: "/api/%61dmin",
    });
  });

  it("decodes to what the gateway decoded, whatever that is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { path } = httpApiPath(`/${text}`, "$default");
        expect(decodeURIComponent(path)).toBe(`/${text}`);
        expect(normalizePath(path)).toBeDefined();
      }),
    );
  });
});

describe("the caller of a handler", () => {
  const caller = { oauth_client_id: "shop", token_id: "t", scope: "a b", expires_at: "2026" };

  it.each([
    ["a REST API's authorizer", { ...caller, principalId: "shop" }],
    ["an HTTP API's authorizer", { lambda: caller }],
  ])("is read behind %s", (_, authorizer) => {
    expect(callerOf({ requestContext: { authorizer } })).toEqual(caller);
  });

  it("is nobody where nobody was let in", () => {
    for (const event of [REST_API_EVENT, HTTP_API_EVENT, LOAD_BALANCER_EVENT, {}, undefined]) {
      expect(callerOf(event)).toBeUndefined();
    }
  });
});

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { gatewayPaths } from "../../adapters/events/gateway-event.ts";
import { getCaller, readInvokedCall } from "../../adapters/lambda/invoked-call.ts";
import { readAuthorizerCall } from "../../functions/authorizer/authorizer-call.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
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
const DIRECT = { trustedProxies: 0 };
const read = (event: object, balancer = {}): ProtectedRequest =>
  readInvokedCall(event, DIRECT, balancer).request;

const COMMON = {
  method: "POST",
  path: "/api/orders/7",
  authorization: ["Bearer opaque-token"],
  sessionSecret: undefined,
  ip: "203.0.113.9",
  userAgent: "curl/8.9",
};

describe("requests read from Lambda events", () => {
  it.each([
    [
      "an HTTP API",
      HTTP_API_EVENT,
      {
        routed: { paths: ["/api/orders/7"], route: "/api/{proxy+}", isExact: false },
        requestId: "JKJaXmPLvHcESHA=",
        url: "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/api/orders/7",
        clientCertificate: PEM,
      },
    ],
    [
      "a REST API",
      REST_API_EVENT,
      {
        routed: { paths: ["/api/orders/7"], route: "/api/{proxy+}", isExact: false },
        requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        url: "https://d4e5f6.execute-api.eu-central-1.amazonaws.com/prod/api/orders/7",
        clientCertificate: PEM,
      },
    ],
    [
      "an HTTP API in format 1.0",
      HTTP_API_1_EVENT,
      {
        routed: { paths: ["/api/orders/7"], route: "/api/{proxy+}", isExact: false },
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
  ])("reads the request from the event sent by %s", (_, event, own) => {
    expect(read(event)).toEqual({ ...COMMON, traceId: undefined, ...own });
  });

  it.each([
    ["198.51.100.1, 203.0.113.9:41234", "203.0.113.9"],
    ["[2001:db8::1]:41234", "2001:db8::1"],
    ["[2001:DB8::1]", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
  ])("removes the port that a load balancer adds to the caller's address: %s", (forwarded, ip) => {
    const headers = { ...LOAD_BALANCER_EVENT.headers, "x-forwarded-for": forwarded };
    expect(read({ ...LOAD_BALANCER_EVENT, headers }).ip).toBe(ip);
  });

  it("reads the same request from an HTTP API's authorizer event and integration event", () => {
    expect(readAuthorizerCall(HTTP_API_AUTHORIZER_EVENT, DIRECT).request).toEqual(
      read(HTTP_API_EVENT),
    );
  });

  it("reads an AppSync event and records the operation name", () => {
    const appSync = {
      ...COMMON,
      path: "/graphql",
      traceId: undefined,
      requestId: "b80ed838-14c6-4500-b4c3-b694c7bef086",
      url: "https://ghijkl5fbfkb2p3jzq7yyxyz7i.appsync-api.eu-central-1.amazonaws.com/graphql",
    };
    const { request } = readAuthorizerCall(APPSYNC_EVENT, DIRECT);
    expect(request).toEqual({ ...appSync, details: { graphql_operation: "Cancel" } });
    const { requestContext } = APPSYNC_EVENT;
    const bare = {
      authorizationToken: "opaque-token",
      requestContext: { ...requestContext, operationName: null },
    };
    expect(readAuthorizerCall(bare, DIRECT).request).toEqual({
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

  it("rejects a TOKEN authorizer's event because the event is missing the caller's address", () => {
    const methodArn = "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/prod/GET/api";
    const event = { type: "TOKEN", authorizationToken: "Bearer opaque-token", methodArn };
    expect(() => readAuthorizerCall(event, DIRECT)).toThrow("requestContext");
  });

  it("reads the same request from a REST API's authorizer event and integration event", () => {
    const { body: _, isBase64Encoded: __, ...call } = REST_API_EVENT;
    const methodArn = "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/prod/POST/api/orders/7";
    const event = { type: "REQUEST", methodArn, ...call };
    expect(readAuthorizerCall(event, DIRECT).request).toEqual(read(REST_API_EVENT));
  });

  it("reads a test call from the API Gateway console, which has no headers, certificate or address", () => {
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
    expect(readAuthorizerCall(event, DIRECT).request).toMatchObject({
      path: "/api/orders/7",
      authorization: [],
      ip: "test-invoke-source-ip",
    });
  });

  it.each([
    ["an HTTP API without mutual TLS", HTTP_API_EVENT],
    ["a function URL without IAM", FUNCTION_URL_EVENT],
  ])("reads null authentication fields from %s", (_, event) => {
    const { requestContext } = event;
    const nulls = { authentication: null, authorizer: null };
    const call = { ...event, requestContext: { ...requestContext, ...nulls } };
    expect(read(call)).not.toHaveProperty("clientCertificate");
    expect(read(call).authorization).toEqual(["Bearer opaque-token"]);
  });

  it("reads the client certificate and origin from a load balancer only when configured", () => {
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

  it("rejects any other event", () => {
    for (const event of [{}, null, { Records: [] }, { version: "2.0", requestContext: {} }]) {
      expect(() => readInvokedCall(event, DIRECT)).toThrow(InvalidInputError);
    }
  });
});

describe("gatewayPaths", () => {
  const HOST = "a1b2c3.execute-api.eu-central-1.amazonaws.com";
  const defaultRoute = { route: "$default", parameters: undefined };

  it.each([
    ["/api/x", "$default", "/api/x"],
    ["/live/api/x", "live", "/api/x"],
    ["/live", "live", "/"],
    ["/livery/x", "live", "/livery/x"],
  ])("reduces the path %s in the stage %s of a $default route to %s", (path, stage, expected) => {
    expect(gatewayPaths({ ...defaultRoute, path, stage, domainName: HOST })).toEqual({
      path: expected,
      routed: { paths: [expected], mayHaveBasePath: false },
    });
  });

  it("ignores the base path and stage in the path when there is a named route", () => {
    const call = { route: "/admin/oauth/events", parameters: null, stage: "$default" };
    for (const path of ["/ops/admin/oauth/events", "/public/x", "/"]) {
      expect(gatewayPaths({ ...call, path }).routed).toEqual({
        paths: ["/admin/oauth/events"],
        route: "/admin/oauth/events",
        isExact: true,
      });
    }
  });

  it("keeps the stage name in the path when the route starts with the same name", () => {
    const call = { route: "/live/{id}", parameters: { id: "x" }, stage: "live" };
    expect(gatewayPaths({ ...call, path: "/live/x" }).path).toBe("/live/x");
    expect(gatewayPaths({ ...call, path: "/live/live/x" }).path).toBe("/live/x");
  });

  it.each([
    ["/orders/{id}", { id: "7" }, "/orders/7", true],
    ["/orders/{id}/lines/{line}", { id: "7", line: "8" }, "/orders/7/lines/8", true],
    ["/files/{proxy+}", { proxy: "a/b" }, "/files/a/b", false],
    ["/{tenant}/{rest+}", { tenant: "t", rest: "a/b" }, "/t/a/b", false],
    // A slash that was decoded in a parameter doesn't start a new segment.
    ["/orders/{id}", { id: "a/b" }, "/orders/a%2Fb", true],
    // Without the parameter's value, the path matches no rule, so the call is denied.
    ["/orders/{id}", {}, "/orders//", true],
  ])("inserts the parameters into the route %s: %o", (route, parameters, path, isExact) => {
    const { routed } = gatewayPaths({ route, parameters, path: "/any", stage: "$default" });
    expect(routed).toEqual({ paths: [path], route, isExact });
  });

  it("keeps the trailing slash that a REST API drops from a greedy parameter", () => {
    const call = { path: "/files/a/", parameters: { proxy: "a", id: "a" }, stage: "$default" };
    const pathsFor = (route: string) => gatewayPaths({ ...call, route }).routed.paths;
    expect(pathsFor("/files/{proxy+}")).toEqual(["/files/a/"]);
    expect(pathsFor("/files/{id}")).toEqual(["/files/a"]);
  });

  it("assumes that a $default route behind a custom domain may have a base path", () => {
    const call = { ...defaultRoute, path: "/live/x", stage: "live", domainName: "api.example.com" };
    expect(gatewayPaths(call).routed).toEqual({ paths: ["/x", "/live/x"], mayHaveBasePath: true });
  });
});

describe("caller IP address", () => {
  const event = (forwarded: string | undefined, secret?: string) => ({
    ...REST_API_EVENT,
    multiValueHeaders: {
      ...(forwarded !== undefined && { "X-Forwarded-For": [forwarded] }),
      ...(secret !== undefined && { "X-Origin-Verify": [secret] }),
    },
  });
  const GATEWAY_SAW = "203.0.113.9";
  const secretHeader = {
    name: "X-Origin-Verify",
    sha256: createHash("sha256").update("from-the-cdn").digest("hex"),
  };

  it.each([
    [0, `198.51.100.1, ${GATEWAY_SAW}`, GATEWAY_SAW],
    [1, `198.51.100.1, ${GATEWAY_SAW}`, "198.51.100.1"],
    [1, `192.0.2.66, 198.51.100.1, ${GATEWAY_SAW}`, "198.51.100.1"],
    [2, `198.51.100.1, 192.0.2.7, ${GATEWAY_SAW}`, "198.51.100.1"],
    // The header is missing the address that API Gateway saw.
    [1, "198.51.100.1", "198.51.100.1"],
    [1, `198.51.100.1:4711, ${GATEWAY_SAW}`, "198.51.100.1"],
    [1, `[2001:DB8::1]:4711, ${GATEWAY_SAW}`, "2001:db8::1"],
    // When the header has too few addresses, the address that API Gateway saw is used.
    [2, `198.51.100.1, ${GATEWAY_SAW}`, GATEWAY_SAW],
    [1, undefined, GATEWAY_SAW],
    [1, `nonsense, ${GATEWAY_SAW}`, GATEWAY_SAW],
  ])("is the address that the first trusted proxy saw", (trustedProxies, forwarded, expected) => {
    const addresses = { trustedProxies };
    expect(readInvokedCall(event(forwarded), addresses).request.ip).toBe(expected);
    const methodArn = "arn:aws:execute-api:eu-central-1:1:a/prod/GET/";
    const call = readAuthorizerCall({ ...event(forwarded), methodArn }, addresses);
    expect(call.request.ip).toBe(expected);
  });

  it("is the connection's address when the CDN's secret header is missing or wrong", () => {
    const addressBy = (secret?: string) => {
      const call = event(`198.51.100.1, ${GATEWAY_SAW}`, secret);
      return readInvokedCall(call, { trustedProxies: 1, secretHeader }).request.ip;
    };
    expect(addressBy("from-the-cdn")).toBe("198.51.100.1");
    expect(addressBy("wrong")).toBe(GATEWAY_SAW);
    expect(addressBy()).toBe(GATEWAY_SAW);
  });

  it("is determined in the same way behind HTTP APIs and load balancers", () => {
    const forwarded = `198.51.100.1, ${GATEWAY_SAW}`;
    for (const call of [HTTP_API_EVENT, LOAD_BALANCER_EVENT]) {
      const event = { ...call, headers: { "x-forwarded-for": forwarded } };
      expect(readInvokedCall(event, { trustedProxies: 1 }).request.ip).toBe("198.51.100.1");
      expect(readInvokedCall(event, DIRECT).request.ip).toBe(GATEWAY_SAW);
    }
  });
});

describe("callerOf", () => {
  const caller = { oauth_client_id: "shop", token_id: "t", scope: "a b", expires_at: "2026" };

  it.each([
    ["a REST API's authorizer", { ...caller, principalId: "shop" }],
    ["an HTTP API's authorizer", { lambda: caller }],
  ])("returns the caller of a function behind %s", (_, authorizer) => {
    expect(getCaller({ requestContext: { authorizer } })).toEqual(caller);
  });

  it("returns undefined when no authorizer allowed the call", () => {
    for (const event of [REST_API_EVENT, HTTP_API_EVENT, LOAD_BALANCER_EVENT, {}, undefined]) {
      expect(getCaller(event)).toBeUndefined();
    }
  });
});

import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { pathOfRoute, type RoutedPath } from "../../shared/authorization/request-path.ts";
import { type ClientAddressSettings, clientAddressAtGateway } from "./client-address.ts";
import {
  callerFields,
  fieldValues,
  headerFieldsSchema,
  pathParametersSchema,
} from "./header-fields.ts";
import { loggableRequestId, traceId } from "./invocation.ts";

/** Encodes characters that are invalid in a path. Decoding the result returns the input. */
export function encodePath(decoded: string): string {
  return encodeURI(decoded.replace(/\p{Cs}/gu, "\uFFFD")).replace(/[?#]/g, encodeURIComponent);
}

/**
 * Removes the stage, which an HTTP API prepends to the path unless the stage is `$default`. Keeps the stage if the
 * route itself starts with the same name.
 */
function withoutStage({ path, stage, route }: GatewayCall): string {
  const prefix = `/${stage}`;
  const isStaged = (text: string) => text === prefix || text.startsWith(`${prefix}/`);
  if (stage === "$default" || !isStaged(path)) return path;
  const rest = path.slice(prefix.length) || "/";
  return isStaged(route ?? "") && !isStaged(rest) ? path : rest;
}

/** The route and path in an API Gateway event. */
export interface GatewayCall {
  /** The route that API Gateway matched, such as `/orders/{id}`. `$default` and undefined mean no specific route. */
  readonly route: string | null | undefined;
  readonly parameters: Readonly<Record<string, string | null | undefined>> | null | undefined;
  /** The full path, including the stage of an HTTP API and the base path of a custom domain. */
  readonly path: string;
  /** The stage of an HTTP API. Use `$default` for a REST API, whose path has no stage. */
  readonly stage: string;
  readonly domainName?: string | null | undefined;
}

/**
 * Returns the path of a call, and the path that the REST API or HTTP API matched against its routes. The matched path
 * excludes the stage and a custom domain's base path. Without a specific route, the path on a custom domain may still
 * start with the base path (`mayHaveBasePath`).
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function gatewayPaths(call: GatewayCall): {
  readonly path: string;
  readonly routed: RoutedPath;
} {
  const { route, parameters, domainName } = call;
  const path = withoutStage(call);
  // Payload format 1.0 writes `/$default`.
  if (route?.startsWith("/") && route !== "/$default") {
    return { path, routed: pathOfRoute(route, parameters, path.endsWith("/")) };
  }
  const isCustomDomain = !/\.execute-api\./.test(domainName ?? "");
  const paths = isCustomDomain ? [...new Set([path, call.path])] : [path];
  return { path, routed: { paths, mayHaveBasePath: isCustomDomain } };
}

/**
 * The fields of payload format 2.0 that are used to authorize a call. HTTP APIs (integrations and authorizers) and function
 * URLs send this format.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export const httpEventSchema = headerFieldsSchema.extend({
  version: z.literal("2.0"),
  rawPath: z.string(),
  routeKey: z.string(),
  pathParameters: pathParametersSchema,
  requestContext: z.object({
    requestId: z.string(),
    stage: z.string(),
    domainName: z.string(),
    http: z.object({ method: z.string(), sourceIp: z.string() }),
    authentication: z
      .object({ clientCert: z.object({ clientCertPem: z.string() }).nullish() })
      .nullish(),
  }),
});

export type HttpEvent = z.output<typeof httpEventSchema>;

/** Whether the event comes from a function URL. Function URLs can't have custom domains. */
const isFunctionUrl = ({ requestContext }: HttpEvent) =>
  requestContext.domainName.includes(".lambda-url.");

/** Returns the paths of a call. A function URL keeps the path's encoding; an HTTP API decodes it. */
function getPaths(event: HttpEvent): Pick<ProtectedRequest, "path" | "routed"> {
  const { rawPath, routeKey, pathParameters: parameters, requestContext } = event;
  if (isFunctionUrl(event)) return { path: rawPath };
  const { stage, domainName } = requestContext;
  const route = routeKey.split(" ").at(-1);
  const { path, routed } = gatewayPaths({ route, parameters, path: rawPath, stage, domainName });
  return { path: encodePath(path), routed };
}

/** Converts an event in payload format 2.0 to a request. This format joins a header's values with commas. */
export function fromHttpEvent(
  event: HttpEvent,
  addresses: ClientAddressSettings,
): ProtectedRequest {
  const fields = (name: string) => fieldValues(event, name);
  const { http, domainName, authentication } = event.requestContext;
  const certificate = authentication?.clientCert?.clientCertPem;
  const calledPath = isFunctionUrl(event) ? event.rawPath : encodePath(event.rawPath);
  return {
    method: http.method,
    ...getPaths(event),
    ...callerFields(fields),
    ip: clientAddressAtGateway(http.sourceIp, fields, addresses),
    requestId: loggableRequestId(event),
    traceId: traceId(),
    url: `https://${domainName}${calledPath}`,
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}

/**
 * The fields of payload format 1.0 that a decision needs. REST APIs (integrations and authorizers) send this format, as
 * do HTTP APIs that are configured to use it.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export const proxyEventSchema = headerFieldsSchema.extend({
  /** `1.0` for an HTTP API. Absent for a REST API. */
  version: z.string().nullish(),
  resource: z.string().nullish(),
  httpMethod: z.string(),
  path: z.string(),
  pathParameters: pathParametersSchema,
  requestContext: z.object({
    requestId: z.string(),
    /** Undefined in some test calls from the API Gateway console. */
    domainName: z.string().nullish(),
    path: z.string().nullish(),
    stage: z.string().nullish(),
    identity: z.object({
      sourceIp: z.string(),
      clientCert: z.object({ clientCertPem: z.string() }).nullish(),
    }),
  }),
});

export type ProxyEvent = z.output<typeof proxyEventSchema>;

/** Converts an event in payload format 1.0 to a request. */
export function fromProxyEvent(
  event: ProxyEvent,
  addresses: ClientAddressSettings,
): ProtectedRequest {
  const fields = (name: string) => fieldValues(event, name);
  const { domainName, stage, path: calledPath, identity } = event.requestContext;
  const certificate = identity.clientCert?.clientCertPem;
  const isHttpApi = event.version === "1.0";
  const { path, routed } = gatewayPaths({
    route: event.resource,
    parameters: event.pathParameters,
    path: event.path,
    // In a REST API's event, `path` excludes the stage.
    stage: (isHttpApi && stage) || "$default",
    domainName,
  });
  return {
    method: event.httpMethod,
    path: isHttpApi ? encodePath(path) : path,
    routed,
    ...callerFields(fields),
    ip: clientAddressAtGateway(identity.sourceIp, fields, addresses),
    requestId: loggableRequestId(event),
    traceId: traceId(),
    // `requestContext.path` includes the stage or the base path of a custom domain.
    ...(domainName
      ? {
          url: `https://${domainName}${isHttpApi ? encodePath(event.path) : (calledPath ?? event.path)}`,
        }
      : {}),
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}

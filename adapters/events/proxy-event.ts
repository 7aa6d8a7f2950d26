import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { callerFields } from "./caller-fields.ts";
import { type ClientAddressSettings, clientAddressAtGateway } from "./client-address.ts";
import { fieldValues, headerFieldsSchema, pathParametersSchema } from "./header-fields.ts";
import { encodePath, gatewayPaths } from "./http-api-path.ts";
import { loggableRequestId, traceId } from "./invocation.ts";

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

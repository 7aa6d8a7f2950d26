import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { callerFields } from "./caller-fields.ts";
import { type ClientAddressSettings, clientAddressAtGateway } from "./client-address.ts";
import { fieldValues, headerFieldsSchema, pathParametersSchema } from "./header-fields.ts";
import { encodePath, gatewayPaths } from "./http-api-path.ts";
import { loggableRequestId, traceId } from "./invocation.ts";

/**
 * The fields of payload format 2.0 that a decision needs. HTTP APIs (integrations and authorizers) and function
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
function pathsOf(event: HttpEvent): Pick<ProtectedRequest, "path" | "routed"> {
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
    ...pathsOf(event),
    ...callerFields(fields),
    ip: clientAddressAtGateway(http.sourceIp, fields, addresses),
    requestId: loggableRequestId(event),
    traceId: traceId(),
    url: `https://${domainName}${calledPath}`,
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}

import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { canonicalIp } from "../../shared/envelope/ip-address.ts";
import { callerFields } from "./caller-fields.ts";
import { fieldValues, headerFieldsSchema } from "./header-fields.ts";
import { encodePath, type HttpApiPath, httpApiPath } from "./http-api-path.ts";
import { loggableRequestId, traceId } from "./invocation.ts";

/**
 * The part of payload format 2.0 that a decision needs: HTTP APIs, as integration or authorizer, and
 * function URLs. Other members stay unread.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export const httpEventSchema = headerFieldsSchema.extend({
  version: z.literal("2.0"),
  rawPath: z.string(),
  routeKey: z.string(),
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

/** Whether the event is a function URL's and not an HTTP API's. A function URL has no domain of one's own. */
const isFunctionUrl = ({ requestContext }: HttpEvent) =>
  requestContext.domainName.includes(".lambda-url.");

/** The path as the caller sent it. A function URL hands it over as it is. */
const pathsOf = (event: HttpEvent): HttpApiPath =>
  isFunctionUrl(event)
    ? { path: event.rawPath }
    : httpApiPath(event.rawPath, event.requestContext.stage, event.routeKey.split(" ").at(-1));

/** Reads the call from an event in payload format 2.0, in which a header's values are joined by commas. */
export function fromHttpEvent(event: HttpEvent): ProtectedRequest {
  const { http, domainName, authentication } = event.requestContext;
  const certificate = authentication?.clientCert?.clientCertPem;
  const calledPath = isFunctionUrl(event) ? event.rawPath : encodePath(event.rawPath);
  return {
    method: http.method,
    ...pathsOf(event),
    ...callerFields((name) => fieldValues(event, name)),
    ip: canonicalIp(http.sourceIp),
    requestId: loggableRequestId(event),
    traceId: traceId(),
    url: `https://${domainName}${calledPath}`,
    ...(certificate ? { clientCertificate: certificate } : {}),
  };
}

import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { canonicalIp } from "../../shared/envelope/ip-address.ts";
import { fieldValues, loggableRequestId, traceId } from "../runtime/invocation.ts";

/**
 * The URL that the caller called. The context's path has the stage, or a custom domain's base path; `event.path`
 * has neither.
 */
function urlOf({ requestContext }: APIGatewayRequestAuthorizerEvent): string | undefined {
  const { domainName, path } = requestContext;
  return domainName === undefined ? undefined : `https://${domainName}${path}`;
}

/** Reads the call from API Gateway's REQUEST authorizer event. */
export function toProtectedRequest(event: APIGatewayRequestAuthorizerEvent): ProtectedRequest {
  const proofs = fieldValues(event, "dpop");
  const sessionIds = fieldValues(event, "mcp-session-id");
  return {
    method: event.httpMethod,
    path: event.path,
    authorization: fieldValues(event, "authorization"),
    // A call with two session ids has no session: no session has the digest of both.
    url: urlOf(event),
    dpopProofs: proofs.length > 0 ? proofs : undefined,
    clientCertificate: event.requestContext.identity.clientCert?.clientCertPem,
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    ip: canonicalIp(event.requestContext.identity.sourceIp),
    userAgent: fieldValues(event, "user-agent")[0],
    requestId: loggableRequestId(event),
    traceId: traceId(),
  };
}

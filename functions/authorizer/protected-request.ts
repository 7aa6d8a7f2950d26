import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { canonicalIp } from "../../shared/envelope/ip-address.ts";
import { fieldValues, loggableRequestId, traceId } from "../runtime/invocation.ts";

/** Reads the call from API Gateway's REQUEST authorizer event. */
export function toProtectedRequest(event: APIGatewayRequestAuthorizerEvent): ProtectedRequest {
  const sessionIds = fieldValues(event, "mcp-session-id");
  return {
    method: event.httpMethod,
    path: event.path,
    authorization: fieldValues(event, "authorization"),
    // A call with two session ids has no session: no session has the digest of both.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    ip: canonicalIp(event.requestContext.identity.sourceIp),
    userAgent: fieldValues(event, "user-agent")[0],
    requestId: loggableRequestId(event),
    traceId: traceId(),
  };
}

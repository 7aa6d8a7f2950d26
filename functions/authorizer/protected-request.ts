import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { canonicalIp } from "../../shared/envelope/ip-address.ts";
import { fieldValues, loggableRequestId, traceId } from "../runtime/invocation.ts";

/** The call, out of API Gateway's REQUEST authorizer event. */
export function toProtectedRequest(event: APIGatewayRequestAuthorizerEvent): ProtectedRequest {
  const sessionIds = fieldValues(event, "mcp-session-id");
  return {
    method: event.httpMethod,
    path: event.path,
    authorization: fieldValues(event, "authorization"),
    // Two session ids name no session; their digest finds none.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    ip: canonicalIp(event.requestContext.identity.sourceIp),
    userAgent: fieldValues(event, "user-agent")[0],
    requestId: loggableRequestId(event),
    traceId: traceId(),
  };
}

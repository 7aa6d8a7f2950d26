import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { traceId } from "../runtime/trace.ts";

type Event = APIGatewayRequestAuthorizerEvent;

/** Every value of a header field, whatever the case of its name. */
function fieldValues(event: Event, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && value !== undefined)
    .map(([, value]) => value as string);
}

/** The call, out of API Gateway's REQUEST authorizer event. */
export function toProtectedRequest(event: Event): ProtectedRequest {
  const sessionIds = fieldValues(event, "mcp-session-id");
  return {
    method: event.httpMethod,
    path: event.path,
    authorization: fieldValues(event, "authorization"),
    // Two session ids name no session; their digest finds none.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    ip: event.requestContext.identity.sourceIp,
    userAgent: fieldValues(event, "user-agent")[0],
    requestId: event.requestContext.requestId,
    traceId: traceId(),
  };
}

import { randomUUID } from "node:crypto";
import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { secretOf } from "./seed-tokens.ts";
import type { TrafficCall } from "./traffic-calls.ts";

/** Returns the event that API Gateway sends to the authorizer for a call. */
export function authorizerEvent(call: TrafficCall): APIGatewayRequestAuthorizerEvent {
  const secret = secretOf(call);
  const headers = {
    "User-Agent": call.userAgent,
    ...(secret !== undefined && { Authorization: `Bearer ${secret}` }),
  };
  return {
    type: "REQUEST",
    methodArn: `arn:aws:execute-api:us-east-1:123456789012:abc/prod/${call.method}${call.path}`,
    resource: "/api/{proxy+}",
    path: call.path,
    httpMethod: call.method,
    headers,
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    requestContext: { requestId: randomUUID(), identity: { sourceIp: call.ip } },
  } as unknown as APIGatewayRequestAuthorizerEvent;
}

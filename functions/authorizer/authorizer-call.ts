import type {
  APIGatewayAuthorizerResult,
  APIGatewaySimpleAuthorizerWithContextResult,
  AppSyncAuthorizerResult,
} from "aws-lambda";
import * as z from "zod";
import { appSyncEventSchema, fromAppSyncEvent } from "../../adapters/events/appsync-event.ts";
import type { ClientAddressSettings } from "../../adapters/events/client-address.ts";
import {
  fromHttpEvent,
  fromProxyEvent,
  httpEventSchema,
  proxyEventSchema,
} from "../../adapters/events/gateway-event.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { toAppSyncResult, toAuthorizerResult, toSimpleResult } from "./authorizer-response.ts";

/** The authorizer's result: a policy (REST API), a simple response (HTTP API), or AppSync's format. */
export type AuthorizerResult =
  | APIGatewayAuthorizerResult
  | AppSyncAuthorizerResult<Record<string, string>>
  | APIGatewaySimpleAuthorizerWithContextResult<Record<string, string>>;

/** A call to authorize, with the response format of its API. */
interface AuthorizerCall {
  readonly request: ProtectedRequest;
  /**
   * Converts a decision to the API's response format.
   *
   * @throws UnauthorizedError for 401, UnavailableError for 503 (REST API), 500 (HTTP API) or 401 (AppSync)
   */
  respond(decision: Decision, realm: string): AuthorizerResult;
}

const restApiSchema = proxyEventSchema.extend({ methodArn: z.string() });

/**
 * Reads the event of a REST API's REQUEST authorizer, an HTTP API's authorizer in payload format 2.0, or AppSync's
 * Lambda authorization. Only AppSync's event has no path.
 *
 * @throws ZodError for any other event
 */
export function readAuthorizerCall(
  event: unknown,
  addresses: ClientAddressSettings,
): AuthorizerCall {
  const source = z.looseObject({}).parse(event);
  if (source.version === "2.0") {
    const request = fromHttpEvent(httpEventSchema.parse(event), addresses);
    return { request, respond: toSimpleResult };
  }
  if ("authorizationToken" in source && !("methodArn" in source)) {
    return { request: fromAppSyncEvent(appSyncEventSchema.parse(event)), respond: toAppSyncResult };
  }
  const parsed = restApiSchema.parse(event);
  return {
    request: fromProxyEvent(parsed, addresses),
    respond: (decision, realm) => toAuthorizerResult(decision, parsed.methodArn, realm),
  };
}

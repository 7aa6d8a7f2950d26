import type {
  APIGatewayAuthorizerResult,
  APIGatewaySimpleAuthorizerWithContextResult,
  AppSyncAuthorizerResult,
} from "aws-lambda";
import * as z from "zod";
import { appSyncEventSchema, fromAppSyncEvent } from "../../adapters/events/appsync-event.ts";
import type { ClientAddressSettings } from "../../adapters/events/client-address.ts";
import { fromHttpEvent, httpEventSchema } from "../../adapters/events/http-event.ts";
import { fromProxyEvent, proxyEventSchema } from "../../adapters/events/proxy-event.ts";
import type { Decision, ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { toAppSyncResult, toAuthorizerResult, toSimpleResult } from "./authorizer-response.ts";

/** What is taken of an authorizer: a policy (REST API), a simple response (HTTP API), or AppSync's own form. */
export type AuthorizerResult =
  | APIGatewayAuthorizerResult
  | AppSyncAuthorizerResult<Record<string, string>>
  | APIGatewaySimpleAuthorizerWithContextResult<Record<string, string>>;

/** A call that an API asks about, and how that API is answered. */
export interface AuthorizerCall {
  readonly request: ProtectedRequest;
  /** @throws UnauthorizedError for 401, UnavailableError for 503 (REST API), 500 (HTTP API) or 401 (AppSync) */
  respond(decision: Decision, realm: string): AuthorizerResult;
}

const restApiSchema = proxyEventSchema.extend({ methodArn: z.string() });

/**
 * Reads the event of a REQUEST authorizer: a REST API's, or an HTTP API's in payload format 2.0; or of AppSync's
 * Lambda authorization. Only AppSync's event has no path.
 *
 * @throws ZodError when it is none of them
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

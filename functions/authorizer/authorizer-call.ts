import type {
  APIGatewayAuthorizerResult,
  APIGatewaySimpleAuthorizerWithContextResult,
} from "aws-lambda";
import * as z from "zod";
import { fromHttpEvent, httpEventSchema } from "../../doors/events/http-event.ts";
import { fromProxyEvent, proxyEventSchema } from "../../doors/events/proxy-event.ts";
import type { Decision, ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { toAuthorizerResult, toSimpleResult } from "./authorizer-response.ts";

/** What API Gateway takes of an authorizer: a policy (REST API), or a simple response (HTTP API). */
export type AuthorizerResult =
  | APIGatewayAuthorizerResult
  | APIGatewaySimpleAuthorizerWithContextResult<Record<string, string>>;

/** A call that an API asks about, and how that API is answered. */
export interface AuthorizerCall {
  readonly request: ProtectedRequest;
  /** @throws UnauthorizedError for 401, UnavailableError for 503 (REST API) or 500 (HTTP API) */
  respond(decision: Decision, realm: string): AuthorizerResult;
}

const restApiSchema = proxyEventSchema.extend({ methodArn: z.string() }).transform(
  (event): AuthorizerCall => ({
    request: fromProxyEvent(event),
    respond: (decision, realm) => toAuthorizerResult(decision, event.methodArn, realm),
  }),
);

const httpApiSchema = httpEventSchema.transform(
  (event): AuthorizerCall => ({ request: fromHttpEvent(event), respond: toSimpleResult }),
);

/**
 * Reads the event of a REQUEST authorizer: a REST API's, or an HTTP API's in payload format 2.0. One function
 * serves both, because all that differs is this file.
 *
 * @throws ZodError when it is neither
 */
export function readAuthorizerCall(event: unknown): AuthorizerCall {
  const isHttpApi = (event as { readonly version?: unknown }).version === "2.0";
  return (isHttpApi ? httpApiSchema : restApiSchema).parse(event);
}

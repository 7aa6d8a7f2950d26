import type {
  APIGatewayAuthorizerResult,
  APIGatewayAuthorizerResultContext,
  APIGatewaySimpleAuthorizerWithContextResult,
  AppSyncAuthorizerResult,
} from "aws-lambda";
import { callerOfDecision } from "../../adapters/http/decide.ts";
import { buildChallenge, type DeniedDecision, toDenial } from "../../adapters/http/denial.ts";
import type { Decision } from "../../shared/authorization/decision.ts";

/**
 * An error that produces a response. The runtime logs every thrown error with its stack trace, so removing the stack
 * shortens the log line from 1,900 to about 200 bytes.
 */
class AnswerError extends Error {
  override readonly stack = "";
}

/**
 * API Gateway returns 401 (gateway response UNAUTHORIZED) only for this exact message. The error's name must stay
 * `Error`, as in AWS's examples.
 */
export class UnauthorizedError extends AnswerError {
  constructor() {
    super("Unauthorized");
  }
}

/**
 * For any other message, a REST API returns AUTHORIZER_FAILURE, which the stack maps to 503. An HTTP API returns
 * 500.
 */
export class UnavailableError extends AnswerError {
  constructor() {
    super("The token store is unavailable");
    this.name = "UnavailableError";
  }
}

/**
 * Maximum length of an ARN in an authorizer's policy.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
 */
const LONGEST_RESOURCE = 512;

/**
 * Returns the method ARN, or a prefix with a wildcard if it is too long. The prefix is safe because no policy is
 * cached.
 */
function toResource(methodArn: string): string {
  if (methodArn.length <= LONGEST_RESOURCE) return methodArn;
  return `${methodArn.slice(0, LONGEST_RESOURCE - 1)}*`;
}

function policy(
  effect: "Allow" | "Deny",
  principalId: string,
  methodArn: string,
  context: APIGatewayAuthorizerResultContext,
): APIGatewayAuthorizerResult {
  return {
    principalId,
    policyDocument: {
      Version: "2012-10-17",
      Statement: [
        { Action: "execute-api:Invoke", Effect: effect, Resource: toResource(methodArn) },
      ],
    },
    context,
  };
}

/**
 * Returns the context of a denial for the API's access log and gateway responses.
 *
 * @throws UnauthorizedError for 401, UnavailableError if no decision was possible
 */
function denialContext(decision: DeniedDecision, realm: string) {
  // API Gateway supports no context for a 401.
  if (decision.outcome === "unauthenticated") throw new UnauthorizedError();
  if (decision.outcome === "unavailable") throw new UnavailableError();
  const denial = toDenial(decision);
  return {
    www_authenticate: buildChallenge(denial, { realm }) ?? "",
    error: denial.error ?? "",
    error_description: denial.description,
    scope: denial.scope ?? "",
  };
}

/** Returns the client of a denied call. */
function deniedPrincipal(decision: DeniedDecision): string {
  if ("token" in decision) return decision.token.oauth_client_id;
  if (decision.outcome !== "blocked") return "unknown";
  return decision.knownToken?.oauth_client_id ?? "blocked";
}

/**
 * Converts a decision to a policy (RFC 6750, section 3). The policy allows only the called method, so it can't be
 * reused for a different method. The ACCESS_DENIED gateway response uses the context of a denial.
 *
 * @throws UnauthorizedError for 401, UnavailableError for 503
 */
export function toAuthorizerResult(
  decision: Decision,
  methodArn: string,
  realm: string,
): APIGatewayAuthorizerResult {
  if (decision.outcome === "allowed") {
    const { user_id, oauth_client_id } = decision.token;
    return policy("Allow", user_id ?? oauth_client_id, methodArn, {
      ...callerOfDecision(decision),
    });
  }
  const context = denialContext(decision, realm);
  return policy("Deny", deniedPrincipal(decision), methodArn, context);
}

/**
 * Converts a decision to a simple response for an HTTP API. Unlike a policy, it contains no ARN, so it can't be too
 * long or too broad. HTTP APIs have no gateway responses, so only the access log can use the context of a denial.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
 *
 * @throws UnauthorizedError for 401, UnavailableError for 500
 */
export function toSimpleResult(
  decision: Decision,
  realm: string,
): APIGatewaySimpleAuthorizerWithContextResult<Record<string, string>> {
  return decision.outcome === "allowed"
    ? { isAuthorized: true, context: { ...callerOfDecision(decision) } }
    : { isAuthorized: false, context: denialContext(decision, realm) };
}

/**
 * Converts a decision to a response for AppSync, which returns its own 401 for every denial. `ttlOverride: 0` disables
 * AppSync's cache, which would otherwise allow untracked calls, even after a revocation.
 * https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#aws-lambda-authorization
 *
 * @throws UnavailableError if no decision was possible
 */
export function toAppSyncResult(
  decision: Decision,
): AppSyncAuthorizerResult<Record<string, string>> {
  if (decision.outcome === "unavailable") throw new UnavailableError();
  if (decision.outcome !== "allowed") return { isAuthorized: false, ttlOverride: 0 };
  return {
    isAuthorized: true,
    resolverContext: { ...callerOfDecision(decision) },
    ttlOverride: 0,
  };
}

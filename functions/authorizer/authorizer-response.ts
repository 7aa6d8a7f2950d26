import type {
  APIGatewayAuthorizerResult,
  APIGatewayAuthorizerResultContext,
  APIGatewaySimpleAuthorizerWithContextResult,
  AppSyncAuthorizerResult,
} from "aws-lambda";
import { callerOfDecision } from "../../adapters/http/caller.ts";
import { challengeOf, type Refusal, refusalOf } from "../../adapters/http/refusal.ts";
import type { Decision } from "../../shared/authorization/authorize.ts";

/**
 * An error that is an answer. The runtime logs every error that a handler throws, with its stack trace, so this one has
 * none: its line has about 200 bytes instead of 1,900.
 */
class AnswerError extends Error {
  override readonly stack = "";
}

/**
 * API Gateway answers 401 (gateway response UNAUTHORIZED) to exactly this message. The name stays
 * `Error`, as in AWS's own examples.
 */
export class UnauthorizedError extends AnswerError {
  constructor() {
    super("Unauthorized");
  }
}

/**
 * Any other message makes a REST API answer AUTHORIZER_FAILURE, which the stack maps to 503. An HTTP API
 * answers 500.
 */
export class UnavailableError extends AnswerError {
  constructor() {
    super("The token store does not answer");
    this.name = "UnavailableError";
  }
}

/**
 * API Gateway takes no longer ARN in an authorizer's policy.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
 */
const LONGEST_RESOURCE = 512;

/** The called method, or the beginning of a long path. The latter is safe because no policy is cached. */
function resourceOf(methodArn: string): string {
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
        { Action: "execute-api:Invoke", Effect: effect, Resource: resourceOf(methodArn) },
      ],
    },
    context,
  };
}

/** What an API's access log and gateway responses may say of a denial. */
function denialContext(refusal: Refusal, realm: string) {
  return {
    www_authenticate: challengeOf(refusal, { realm }) ?? "",
    error: refusal.error ?? "",
    error_description: refusal.description,
    scope: refusal.scope ?? "",
  };
}

/**
 * API Gateway's answer to a decision (RFC 6750, section 3). The policy names the one method called, so
 * that no cached or copied policy opens another.
 *
 * @throws UnauthorizedError for 401, UnavailableError for 503
 */
export function toAuthorizerResult(
  decision: Decision,
  methodArn: string,
  realm: string,
): APIGatewayAuthorizerResult {
  switch (decision.outcome) {
    case "allowed": {
      const { user_id, oauth_client_id } = decision.token;
      const caller = { ...callerOfDecision(decision) };
      return policy("Allow", user_id ?? oauth_client_id, methodArn, caller);
    }
    case "insufficient_scope":
    case "insufficient_authentication":
    case "malformed_request":
    case "invalid_session": {
      // The context fills the ACCESS_DENIED gateway response: an authorizer cannot answer 401 with a context.
      const context = denialContext(refusalOf(decision), realm);
      return policy("Deny", decision.token.oauth_client_id, methodArn, context);
    }
    case "invalid_path":
      return policy("Deny", "unknown", methodArn, denialContext(refusalOf(decision), realm));
    case "blocked": {
      const context = denialContext(refusalOf(decision), realm);
      return policy("Deny", decision.knownToken?.oauth_client_id ?? "blocked", methodArn, context);
    }
    case "unauthenticated":
      throw new UnauthorizedError();
    case "unavailable":
      throw new UnavailableError();
  }
}

/**
 * An HTTP API's answer to a decision, as a simple response: it has no ARN that could be too long or too wide.
 * An HTTP API has no gateway responses; of a denial, only its access log sees the context.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
 *
 * @throws UnauthorizedError for 401, UnavailableError for 500
 */
export function toSimpleResult(
  decision: Decision,
  realm: string,
): APIGatewaySimpleAuthorizerWithContextResult<Record<string, string>> {
  switch (decision.outcome) {
    case "allowed":
      return { isAuthorized: true, context: { ...callerOfDecision(decision) } };
    case "insufficient_scope":
    case "insufficient_authentication":
    case "blocked":
    case "malformed_request":
    case "invalid_path":
    case "invalid_session":
      return { isAuthorized: false, context: denialContext(refusalOf(decision), realm) };
    case "unauthenticated":
      throw new UnauthorizedError();
    case "unavailable":
      throw new UnavailableError();
  }
}

/**
 * AppSync's answer to a decision. It answers every refusal with 401 and words of its own. Without a `ttlOverride` of
 * zero, AppSync would let a token in for as long as the API's cache lasts, untracked, even after a revocation.
 * https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#aws-lambda-authorization
 *
 * @throws UnavailableError when there is no decision
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

import type { APIGatewayAuthorizerResult, APIGatewayAuthorizerResultContext } from "aws-lambda";
import type { Decision } from "../../shared/authorization/authorize.ts";

/**
 * API Gateway answers 401 (gateway response UNAUTHORIZED) to exactly this message. The name stays
 * `Error`, as in AWS's own examples.
 */
export class UnauthorizedError extends Error {
  constructor() {
    super("Unauthorized");
  }
}

/** Any other message makes API Gateway answer AUTHORIZER_FAILURE, which the stack maps to 503. */
export class UnavailableError extends Error {
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

/** A denial: the context fills the ACCESS_DENIED gateway response (403). */
function denial(
  principalId: string,
  methodArn: string,
  realm: string,
  error: string,
  description: string,
  scope?: string,
  more: readonly string[] = [],
): APIGatewayAuthorizerResult {
  const attributes = [
    `realm="${realm}"`,
    `error="${error}"`,
    `error_description="${description}"`,
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...more,
  ];
  return policy("Deny", principalId, methodArn, {
    www_authenticate: `Bearer ${attributes.join(", ")}`,
    error,
    error_description: description,
    scope: scope ?? "",
  });
}

const SESSION_ADVICE = {
  missing_session: "The route needs a session: send its id as Mcp-Session-Id",
  unknown_session: "The session is not known: start a new one",
  expired_session: "The session has expired: start a new one",
  foreign_session: "The session belongs to another client or user: start your own",
} as const;

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
      const { token, session } = decision;
      return policy("Allow", token.user_id ?? token.oauth_client_id, methodArn, {
        oauth_client_id: token.oauth_client_id,
        token_id: token.token_id,
        scope: token.scopes.join(" "),
        expires_at: token.expires_at,
        ...(token.user_id === undefined ? {} : { user_id: token.user_id }),
        ...(session === undefined
          ? {}
          : { session_id: session.session_id, session_scope: session.scopes.join(" ") }),
      });
    }
    case "insufficient_scope": {
      const { token, requiredScopes } = decision;
      const scope = requiredScopes.join(" ");
      return denial(
        token.oauth_client_id,
        methodArn,
        realm,
        "insufficient_scope",
        `The request needs the scope ${scope}`,
        scope,
      );
    }
    case "invalid_session": {
      const { token, reason } = decision;
      const advice = SESSION_ADVICE[reason];
      return denial(token.oauth_client_id, methodArn, realm, "invalid_session", advice);
    }
    case "insufficient_authentication": {
      // RFC 9470, section 3. API Gateway cannot answer a denial with 401.
      const { token, acrValues, maxAgeSeconds } = decision;
      return denial(
        token.oauth_client_id,
        methodArn,
        realm,
        "insufficient_user_authentication",
        "The request needs another, or a more recent, authentication of the user",
        undefined,
        [
          ...(acrValues.length > 0 ? [`acr_values="${acrValues.join(" ")}"`] : []),
          ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
        ],
      );
    }
    case "unauthenticated":
      throw new UnauthorizedError();
    case "unavailable":
      throw new UnavailableError();
  }
}

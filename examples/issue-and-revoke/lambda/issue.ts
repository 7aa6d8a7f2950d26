import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import {
  InvalidInputError,
  type IssueTokenRequest,
  issueToken,
  openMonitoring,
} from "oauth-monitoring/sdk";

const monitoring = openMonitoring();

/** `POST /tokens` with `{"clientId", "userId"?, "scopes", "expiresInSeconds"}` issues a token. */
export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  try {
    const request = JSON.parse(event.body ?? "null") as IssueTokenRequest;
    const { secret, token } = await issueToken(monitoring, request);
    // Responses with a token must not be stored (RFC 6749, section 5.1).
    return answer(201, {
      access_token: secret,
      token_type: "Bearer",
      expires_in: request.expiresInSeconds,
      scope: token.scopes.join(" "),
      token_id: token.token_id,
    });
  } catch (error) {
    if (error instanceof InvalidInputError) return answer(400, { errors: error.errors });
    if (error instanceof SyntaxError) return answer(400, { errors: [{ detail: "not JSON" }] });
    throw error;
  }
}

function answer(statusCode: number, body: unknown): APIGatewayProxyResult {
  return {
    statusCode,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    body: JSON.stringify(body),
  };
}

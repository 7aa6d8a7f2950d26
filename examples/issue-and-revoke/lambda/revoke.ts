import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import { openMonitoring, revokeToken, TokenNotFoundError } from "oauth-monitoring/sdk";

const monitoring = openMonitoring();

/** `DELETE /tokens/{token_id}` revokes a token. The authorizer denies its next call. */
export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  try {
    await revokeToken(monitoring, event.pathParameters?.token_id ?? "");
    return { statusCode: 204, body: "" };
  } catch (error) {
    if (error instanceof TokenNotFoundError) return { statusCode: 404, body: "" };
    throw error;
  }
}

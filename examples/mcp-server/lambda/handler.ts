import middy from "@middy/core";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { getCaller, oauthMonitoring } from "oauth-monitoring/lambda";
import { createOrdersServer } from "./orders-server.js";

const { MCP_RESOURCE = "", AUTHORIZATION_SERVER = "" } = process.env;

/** Converts the event to a Fetch API request for the SDK's transport. */
function toRequest({ requestContext, headers, body, isBase64Encoded }: APIGatewayProxyEventV2) {
  const fields = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    value ?? "",
  ]);
  return new Request(MCP_RESOURCE, {
    method: requestContext.http.method,
    headers: fields,
    body: body ? Buffer.from(body, isBase64Encoded ? "base64" : "utf8") : null,
  });
}

/** Handles calls with a valid token and the scopes that the tool requires. The middleware denies all other calls. */
export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
  .use(
    await oauthMonitoring({
      mcp: {
        resource: MCP_RESOURCE,
        authorizationServers: [AUTHORIZATION_SERVER],
        scopesSupported: ["orders:read", "orders:write"],
        toolScopes: { cancel_order: ["orders:write"] },
      },
    }),
  )
  .handler(async (event) => {
    // A function can respond only once, so it cannot stream.
    if (event.requestContext.http.method !== "POST") {
      return { statusCode: 405, headers: { Allow: "POST" } };
    }
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    const server = createOrdersServer(getCaller(event)?.user_id);
    await server.connect(transport);
    const response = await transport.handleRequest(toRequest(event));
    const answer = {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
    await server.close();
    return answer;
  });

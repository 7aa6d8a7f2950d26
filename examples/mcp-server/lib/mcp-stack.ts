import { fileURLToPath } from "node:url";
import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import { HttpApi, HttpMethod } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Architecture, Runtime } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import type { Construct } from "constructs";
import { OAuthMonitoring } from "oauth-monitoring";

export interface McpStackProps extends StackProps {
  /** Issuer identifier of the authorization server. */
  readonly authorizationServer: string;
}

/**
 * An MCP server for orders behind an HTTP API. The API has no authorizer. The function authorizes calls, because it
 * serves the metadata that leads MCP clients to the authorization server, and because it knows which tool is called.
 */
export class McpStack extends Stack {
  constructor(scope: Construct, id: string, { authorizationServer, ...props }: McpStackProps) {
    super(scope, id, props);
    const api = new HttpApi(this, "Api");
    const resource = `${api.apiEndpoint}/mcp`;
    const monitoring = new OAuthMonitoring(this, "Monitoring", {
      realm: "orders",
      routes: [{ path: "/mcp", scopes: ["orders:read"] }],
      config: {
        // Clients request tokens for this server only (RFC 8707). Other tokens are denied.
        issuers: [{ issuer: authorizationServer, audiences: [resource] }],
      },
    });
    monitoring.addAdminApi();

    const server = new NodejsFunction(this, "ServerFunction", {
      entry: fileURLToPath(new URL("../lambda/handler.ts", import.meta.url)),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout: Duration.seconds(20),
      environment: {
        ...monitoring.environment,
        MCP_RESOURCE: resource,
        AUTHORIZATION_SERVER: authorizationServer,
      },
      bundling: { format: OutputFormat.ESM, mainFields: ["module", "main"], minify: true },
    });
    monitoring.grantAuthorize(server);

    const integration = new HttpLambdaIntegration("Server", server);
    api.addRoutes({ path: "/mcp", methods: [HttpMethod.ANY], integration });
    api.addRoutes({
      path: "/.well-known/oauth-protected-resource/mcp",
      methods: [HttpMethod.GET],
      integration,
    });
    new CfnOutput(this, "McpServerUrl", { value: resource });
  }
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duration, Lazy } from "aws-cdk-lib";
import { HttpApi, HttpMethod } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import {
  Code,
  FunctionUrlAuthType,
  Function as LambdaFunction,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { build } from "esbuild";
import { buildApp } from "../../../infra/synthesize.ts";
import type { Assembly } from "../../../local/services/template.ts";
import type { MonitoringConfigInput } from "../../../shared/config/monitoring-config.ts";

const ROOT = join(import.meta.dirname, "../../..");

async function bundle(entry: string, outdir: string): Promise<string> {
  await build({
    entryPoints: { index: join(ROOT, entry) },
    outdir,
    // The example imports the package.
    alias: { "oauth-monitoring/lambda": join(ROOT, "adapters/lambda/index.ts") },
    nodePaths: [join(ROOT, "node_modules")],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  return outdir;
}

/** The issuer whose tokens the MCP server accepts. */
interface McpIssuer {
  readonly authorizationServer?: string;
  /** Additional audiences for the MCP server. Without any, it accepts only tokens for the example's own address. */
  readonly audiences?: readonly string[];
}

/**
 * Synthesizes the default stack with its REST API, an HTTP API behind the same authorizer, and a function that
 * authorizes its own calls. The function is behind a function URL and two HTTP APIs without an authorizer, one of which
 * has a named stage. The MCP server example has its own HTTP API.
 */
export async function synthesizeAdapters(
  config: MonitoringConfigInput,
  { authorizationServer = "https://login.example.com", audiences = [] }: McpIssuer = {},
): Promise<{ readonly assembly: Assembly; readonly remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-adapters-"));
  const [protecting, behind, mcp] = await Promise.all([
    bundle("test/e2e/adapters/protected-function.ts", join(directory, "protecting")),
    bundle("test/e2e/adapters/function-behind-authorizer.ts", join(directory, "behind")),
    bundle("examples/mcp-server/lambda/handler.ts", join(directory, "mcp")),
  ]);
  let resource = "";
  const ownAudience = Lazy.string({ produce: () => resource });
  const mcpIssuer = { issuer: authorizationServer, audiences: [ownAudience, ...audiences] };
  const { app, stack } = buildApp({
    outdir: join(directory, "cdk.out"),
    config: audiences.length > 0 ? { ...config, issuers: [mcpIssuer] } : config,
  });
  const { monitoring } = stack;
  const common = { runtime: Runtime.NODEJS_24_X, handler: "index.handler" };
  const target = new LambdaFunction(stack, "ProtectedFunction", {
    ...common,
    code: Code.fromAsset(protecting),
    timeout: Duration.seconds(20),
    environment: { ...monitoring.environment },
  });
  monitoring.grantAuthorize(target);
  target.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });

  const orders = new HttpApi(stack, "AuthorizedHttpApi");
  orders.addRoutes({
    path: "/api/{proxy+}",
    integration: new HttpLambdaIntegration(
      "Orders",
      new LambdaFunction(stack, "BehindFunction", { ...common, code: Code.fromAsset(behind) }),
    ),
  });
  monitoring.attach(orders);
  const staged = new HttpApi(stack, "StagedHttpApi", { createDefaultStage: false });
  staged.addStage("Live", { stageName: "live", autoDeploy: true });
  staged.addRoutes({
    path: "/api/{proxy+}",
    methods: [HttpMethod.ANY],
    integration: new HttpLambdaIntegration("Staged", target),
  });
  new HttpApi(stack, "OpenHttpApi", {
    defaultIntegration: new HttpLambdaIntegration("Open", target),
  });

  const tools = new HttpApi(stack, "McpHttpApi");
  resource = `${tools.apiEndpoint}/mcp`;
  const server = new LambdaFunction(stack, "McpFunction", {
    ...common,
    code: Code.fromAsset(mcp),
    timeout: Duration.seconds(20),
    environment: {
      ...monitoring.environment,
      MCP_RESOURCE: resource,
      AUTHORIZATION_SERVER: authorizationServer,
    },
  });
  monitoring.grantAuthorize(server);
  const integration = new HttpLambdaIntegration("Mcp", server);
  for (const path of ["/mcp", "/.well-known/oauth-protected-resource/mcp"]) {
    tools.addRoutes({ path, integration });
  }
  app.synth();
  return {
    assembly: { directory: join(directory, "cdk.out"), stackName: stack.artifactId },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

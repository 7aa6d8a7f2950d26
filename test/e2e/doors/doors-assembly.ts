import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duration } from "aws-cdk-lib";
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

async function bundle(entry: string, outdir: string): Promise<string> {
  await build({
    entryPoints: { index: join(import.meta.dirname, entry) },
    outdir,
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

/**
 * The default stack, and next to its REST API an HTTP API behind the authorizer, and a function that decides
 * itself behind a function URL and two HTTP APIs without authorizer, one of them with a named stage.
 */
export async function synthesizeDoors(
  config: MonitoringConfigInput,
): Promise<{ readonly assembly: Assembly; readonly remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-doors-"));
  const [protecting, behind] = await Promise.all([
    bundle("protected-function.ts", join(directory, "protecting")),
    bundle("function-behind-authorizer.ts", join(directory, "behind")),
  ]);
  const { app, stack } = buildApp({ outdir: join(directory, "cdk.out"), config });
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
  app.synth();
  return {
    assembly: { directory: join(directory, "cdk.out"), stackName: stack.artifactId },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import type { MonitoringConfigInput } from "../shared/config/monitoring-config.ts";
import { OAuthMonitoringStack } from "./oauth-monitoring-stack.ts";

const CDK_JSON = fileURLToPath(new URL("../cdk.json", import.meta.url));

export interface AppOptions {
  /** Output directory of the cloud assembly. By default, the CDK CLI chooses it. */
  readonly outdir?: string;
  /** Overrides the context key `oauthMonitoring`. */
  readonly config?: MonitoringConfigInput;
}

/** Creates the CDK app with one stack, configured by the context keys `oauthMonitoring` and `stackName`. */
export function buildApp({ outdir, config }: AppOptions = {}): {
  readonly app: App;
  readonly stack: OAuthMonitoringStack;
} {
  const app = new App(outdir === undefined ? {} : { outdir, context: cdkContext() });
  const configured = config ?? (app.node.tryGetContext("oauthMonitoring") as MonitoringConfigInput);
  const stackName =
    (app.node.tryGetContext("stackName") as string | undefined) ?? "OAuthMonitoring";
  const stack = new OAuthMonitoringStack(app, stackName, { config: configured ?? {} });
  return { app, stack };
}

/** Reads the context in cdk.json, which only the CDK CLI passes to the app. */
function cdkContext(): Record<string, unknown> {
  return (JSON.parse(readFileSync(CDK_JSON, "utf8")) as { context: Record<string, unknown> })
    .context;
}

/** A synthesized stack on disk. */
export interface Assembly {
  readonly directory: string;
  readonly stackName: string;
}

/** Synthesizes the app into a directory, including bundles. Needs no AWS access or network. */
export function synthesize(outdir: string, config?: MonitoringConfigInput): Assembly {
  const { app, stack } = buildApp(config === undefined ? { outdir } : { outdir, config });
  app.synth();
  return { directory: outdir, stackName: stack.artifactId };
}

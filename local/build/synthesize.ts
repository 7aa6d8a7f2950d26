import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { digestOf, makeOnce } from "./sources.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Synthesizes the CDK app into a folder, in a separate process as `cdk synth` does, unless the folder was made
 * from the same sources before.
 *
 * @param more added to the configuration in cdk.json
 * @returns the folder and the name of its stack
 * @throws Error with the app's message, when the configuration is not valid
 */
export async function synthesizeApp(outdir: string, more: MonitoringConfigInput = {}) {
  const { app, context } = JSON.parse(readFileSync(join(ROOT, "cdk.json"), "utf8"));
  context.oauthMonitoring = { ...context.oauthMonitoring, ...more };
  const sources = ["package-lock.json", "cdk.json", "infra", "shared", "dist/.functions"];
  const digest = `${digestOf(ROOT, sources)} ${JSON.stringify(more)}`;
  await makeOnce(join(outdir, ".sources"), digest, async () => {
    const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) };
    try {
      await promisify(execFile)("sh", ["-c", app], { cwd: ROOT, env });
    } catch (error) {
      throw new Error((error as { stderr?: string }).stderr || String(error));
    }
  });
  return { directory: outdir, stackName: context.stackName ?? "OAuthMonitoring" };
}

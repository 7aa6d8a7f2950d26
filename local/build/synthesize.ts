import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { computeDigest, makeOnce } from "./sources.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Synthesizes the CDK app into a directory, in a separate process like `cdk synth`. Does nothing if the directory was
 * made from the same sources.
 *
 * @param more added to the configuration in cdk.json
 * @returns the directory and the stack's name
 * @throws Error with the app's message when the configuration is invalid
 */
export async function synthesizeApp(outdir: string, more: MonitoringConfigInput = {}) {
  const { app, context } = JSON.parse(readFileSync(join(ROOT, "cdk.json"), "utf8"));
  context.oauthMonitoring = { ...context.oauthMonitoring, ...more };
  const sources = ["package-lock.json", "cdk.json", "infra", "shared", "dist/.functions"];
  const digest = `${computeDigest(ROOT, sources)} ${JSON.stringify(more)}`;
  await makeOnce(join(outdir, ".sources"), digest, async () => {
    const env = {
      ...process.env,
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      // CDK would only print what it finds, after loading for four seconds.
      CDK_VALIDATION: "false",
    };
    try {
      await promisify(execFile)("sh", ["-c", app], { cwd: ROOT, env });
    } catch (error) {
      throw new Error((error as { stderr?: string }).stderr || String(error));
    }
  });
  return { directory: outdir, stackName: context.stackName ?? "OAuthMonitoring" };
}

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { digestOf, makeOnce } from "./sources.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Synthesizes the CDK app into a folder, in a separate process as `cdk synth` does, unless the folder was made
 * from the same sources before.
 *
 * @returns the folder and the name of its stack
 * @throws Error with the app's message, when the configuration is not valid
 */
export async function synthesizeApp(outdir: string) {
  const { app, context } = JSON.parse(readFileSync(join(ROOT, "cdk.json"), "utf8"));
  const digest = digestOf(ROOT, [
    "package-lock.json",
    "cdk.json",
    "infra",
    "shared",
    "dist/.functions",
  ]);
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

import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { build, type InlineConfig } from "tsdown";

/** A file for each of ours, so that what two entry points share is one module. */
const OPTIONS = {
  unbundle: true,
  platform: "node",
  target: "node22",
  sourcemap: true,
  dts: true,
  clean: false,
  logLevel: "warn",
  config: false,
  checks: { pluginTimings: false },
  // What is not ours is installed with the package.
  deps: { neverBundle: true },
} satisfies InlineConfig;

/**
 * Compiles what others import, the construct and the library, for `import` and for `require`, with
 * declarations and source maps; and the command line, which nobody imports.
 */
export async function buildPackage(root: string, outDir: string): Promise<void> {
  const library = ["infra/index.ts", "shared/index.ts"];
  const compile = (format: "esm" | "cjs", entries: readonly string[]) =>
    build({
      ...OPTIONS,
      cwd: root,
      root,
      outDir,
      format,
      entry: entries.map((entry) => join(root, entry)),
    });
  // Entries of one format are compiled together: each run leaves out what its own entries do not use.
  await compile("esm", [...library, "cli/oauth-monitoring.ts"]);
  await compile("cjs", library);
  await chmod(join(outDir, "cli/oauth-monitoring.mjs"), 0o755);
}

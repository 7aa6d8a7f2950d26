import { chmod } from "node:fs/promises";
import { join, relative } from "node:path";
import { build, type InlineConfig, type Rolldown } from "tsdown";

/** Modules that the functions load with `import()` on first use, each with the module that the package uses instead. */
const LOADED_AT_START = new Map([
  ["shared/authorization/load-on-demand.ts", "shared/authorization/load-at-start.ts"],
  ["adapters/events/event-sink.ts", "adapters/events/bus-publisher.ts"],
]);

/**
 * Removes `import()` from the authorization path. When esbuild bundles an app into one file, as `NodejsFunction` does,
 * it defers the initialization of every module that an `import()` reaches, including zod. An app that imports zod
 * through a different path, such as `zod/v4`, would then use zod before it is initialized.
 */
const loadAtStart = (root: string): Rolldown.Plugin => ({
  name: "load-at-start",
  resolveId: {
    filter: { id: /^\..*\.ts$/ },
    async handler(source, importer) {
      const found = await this.resolve(source, importer, { skipSelf: true });
      const replacement = found && LOADED_AT_START.get(relative(root, found.id));
      return replacement ? join(root, replacement) : undefined;
    },
  },
});

/** Options that write one file per source file, so that entry points share modules. */
const OPTIONS = {
  unbundle: true,
  platform: "node",
  target: "node22",
  dts: true,
  clean: false,
  logLevel: "warn",
  config: false,
  checks: { pluginTimings: false },
  // Dependencies are installed with the package.
  deps: { neverBundle: true },
} satisfies InlineConfig;

/**
 * Compiles the construct, the library and the middlewares for `import` and `require`, with declarations. Source maps
 * and the CLI are for `import` only.
 */
export async function buildPackage(root: string, outDir: string): Promise<void> {
  const library = [
    "infra/index.ts",
    "shared/index.ts",
    "adapters/lambda/index.ts",
    "adapters/node/index.ts",
  ];
  const compile = (format: "esm" | "cjs", entries: readonly string[]) =>
    build({
      ...OPTIONS,
      plugins: [loadAtStart(root)],
      cwd: root,
      root,
      outDir,
      format,
      // No source maps for CommonJS: these files duplicate the ES modules, and the maps would take up a tenth of the
      // package.
      sourcemap: format === "esm",
      entry: entries.map((entry) => join(root, entry)),
    });
  // All entries for a format are compiled in one run, because a run drops code that its entries do not use.
  await compile("esm", [...library, "cli/oauth-monitoring.ts"]);
  await compile("cjs", library);
  await chmod(join(outDir, "cli/oauth-monitoring.mjs"), 0o755);
}

import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { build, type InlineConfig } from "tsdown";

const LAZY = /const (\{ \w+ \}) = await import\(("\.[^"]+\.ts")\);/g;

/** Files on the authorization path that import modules on first use. */
const LAZY_FILES = [
  "/shared/authorization/authorize.ts",
  "/shared/authorization/restrictions.ts",
  "/adapters/events/event-sink.ts",
];

/**
 * Replaces the lazy imports of `LAZY_FILES` with static imports. When esbuild bundles an app into one file, as
 * `NodejsFunction` does, it defers the initialization of every module that an `import()` reaches, including zod. An app
 * that imports zod through a different path, such as `zod/v4`, would then use zod before it is initialized.
 */
const eagerDecision = {
  name: "eager-decision",
  transform(code: string, id: string) {
    if (!LAZY_FILES.some((file) => id.endsWith(file))) return undefined;
    const imports: string[] = [];
    // Replaces each statement with blanks of the same length, so that the source map stays valid.
    const rest = code.replace(LAZY, (statement, names, from) => {
      imports.push(`import ${names} from ${from};\n`);
      return " ".repeat(statement.length);
    });
    if (imports.length === 0) throw new Error(`${id} has no lazy imports`);
    return { code: rest + imports.join(""), map: null };
  },
};

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
  plugins: [eagerDecision],
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

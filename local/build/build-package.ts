import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { build, type InlineConfig } from "tsdown";

const LAZY = /const (\{ \w+ \}) = await import\(("\.[^"]+\.ts")\);/g;

/** The files of a decision that load a part of it on first use. */
const LAZY_FILES = [
  "/shared/authorization/authorize.ts",
  "/shared/authorization/load-other-issuers.ts",
  "/shared/restrictions/restrictions.ts",
  "/doors/publishing/event-sink.ts",
];

/**
 * Loads all that a decision may need with the rest of the library. When esbuild bundles an app into one file, as
 * `NodejsFunction` does, it defers every module that an `import()` reaches, zod among them. An app that imports zod by
 * another path, such as `zod/v4`, then finds zod not run.
 */
const eagerDecision = {
  name: "eager-decision",
  transform(code: string, id: string) {
    if (!LAZY_FILES.some((file) => id.endsWith(file))) return undefined;
    const imports: string[] = [];
    // Nothing moves, so the source map stays true.
    const rest = code.replace(LAZY, (statement, names, from) => {
      imports.push(`import ${names} from ${from};\n`);
      return " ".repeat(statement.length);
    });
    if (imports.length === 0) throw new Error(`${id} imports nothing lazily any more`);
    return { code: rest + imports.join(""), map: null };
  },
};

/** Writes one file for each source file, so that entry points share their modules. */
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
  // Other packages are installed with this one.
  deps: { neverBundle: true },
} satisfies InlineConfig;

/**
 * Compiles the construct, the library and the middlewares for `import` and `require`, with declarations and, for `import`, source
 * maps, and the command line for `import` only.
 */
export async function buildPackage(root: string, outDir: string): Promise<void> {
  const library = [
    "infra/index.ts",
    "shared/index.ts",
    "doors/lambda/index.ts",
    "doors/node/index.ts",
  ];
  const compile = (format: "esm" | "cjs", entries: readonly string[]) =>
    build({
      ...OPTIONS,
      cwd: root,
      root,
      outDir,
      format,
      // What is compiled for require is a second copy of the same files: its maps would be a tenth of the package.
      sourcemap: format === "esm",
      entry: entries.map((entry) => join(root, entry)),
    });
  // The entries of a format are compiled together, because a run leaves out what its own entries do not use.
  await compile("esm", [...library, "cli/oauth-monitoring.ts"]);
  await compile("cjs", library);
  await chmod(join(outDir, "cli/oauth-monitoring.mjs"), 0o755);
}

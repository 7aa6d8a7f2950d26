import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

/** Name of the entry file, as in CDK's NodejsFunction. */
const ENTRY_NAME = "index";

/** Directory of code that functions share. */
const RUNTIME = "runtime";

/**
 * The asset that all background functions share. Most of their code is the same, and separate assets would include it
 * in the package five times.
 */
const BACKGROUND = "background";
const BACKGROUND_FOLDERS: ReadonlySet<string> = new Set([
  "anomalies",
  "cleanup",
  "ocsf-export",
  "republisher",
  "subscriber",
]);

/**
 * Modules that the SDK imports on first use and no function uses: a browser's user agent, and event streams, which
 * DynamoDB, EventBridge, SQS, SNS and Firehose do not have.
 */
export const NEVER_LOADED = ["bowser", "@smithy/core/event-streams"];

/**
 * Excludes `NEVER_LOADED` from bundles. Bundles with the S3 client still contain event streams, because the S3 client
 * imports them at startup.
 */
const neverLoaded: Plugin = {
  name: "never-loaded",
  setup({ onResolve }) {
    onResolve({ filter: /^(bowser|@smithy\/core\/event-streams)$/ }, ({ path, kind }) =>
      kind === "dynamic-import" && NEVER_LOADED.includes(path)
        ? { path, external: true }
        : undefined,
    );
  },
};

/**
 * esbuild options for functions. A bundle contains all dependencies, including the AWS SDK, because the SDK version in
 * the Lambda runtime is unknown. A module that is imported with `import()` becomes a separate file that is loaded on
 * first use.
 */
export const FUNCTION_OPTIONS = {
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  plugins: [neverLoaded],
  target: "node24",
  mainFields: ["module", "main"],
  outExtension: { ".js": ".mjs" },
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  // CommonJS packages inside an ES module still call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/** esbuild options for a function's browser page: one script file and one style sheet. */
const PAGE_OPTIONS = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
} satisfies BuildOptions;

/** A bundled function. */
export interface FunctionBundle {
  /** Entry file relative to the directory of all bundles, such as `authorizer/index.mjs`. */
  readonly file: string;
  /** esbuild's metafile of the bundle. */
  readonly metafile: Metafile;
}

/** Returns the assets by name, each with its entries and their source files. */
function bundleEntries(root: string): Map<string, Readonly<Record<string, string>>> {
  const folders = readdirSync(join(root, "functions")).filter((folder) => folder !== RUNTIME);
  const background: Record<string, string> = {};
  const alone = folders.flatMap((folder): [string, Record<string, string>][] => {
    const source = join(root, "functions", folder);
    const handler = join(source, "handler.ts");
    if (BACKGROUND_FOLDERS.has(folder)) background[folder] = handler;
    else if (existsSync(handler)) return [[folder, { [ENTRY_NAME]: handler }]];
    else {
      const names = readdirSync(source).map((file) => basename(file, ".ts"));
      const entries = names.map((name) => [name, join(source, `${name}.ts`)]);
      return [[folder, Object.fromEntries(entries)]];
    }
    return [];
  });
  return new Map([...alone, [BACKGROUND, background]]);
}

/**
 * Bundles the directories under `functions/` into assets under `outdir`. A directory with a `handler.ts` is one
 * function: `index.mjs`, the files that it loads on first use, and `page.js` and `page.css` if it has a `page/`
 * directory. In a directory without `handler.ts`, each file is a function, and all of them share an asset. Background
 * functions share an asset too.
 *
 * @returns functions by name: the directory's name, or the file's name if several functions share a directory
 */
export async function bundleFunctions(
  root: string,
  outdir: string,
): Promise<Readonly<Record<string, FunctionBundle>>> {
  const bundles = [...bundleEntries(root)].map(async ([folder, entryPoints]) => {
    const { metafile } = await build({
      ...FUNCTION_OPTIONS,
      absWorkingDir: root,
      alias: {
        // Lambda passes credentials in the environment. The default chain's other providers would add a quarter to the
        // bundle.
        "@aws-sdk/credential-provider-node": join(root, "functions/runtime/lambda-credentials.ts"),
      },
      entryPoints,
      outdir: join(outdir, folder),
    });
    const page = join(root, "functions", folder, "page/main.tsx");
    if (existsSync(page)) {
      await build({ ...PAGE_OPTIONS, entryPoints: { page }, outdir: join(outdir, folder) });
    }
    return Object.keys(entryPoints).map((entry): [string, FunctionBundle] => [
      entry === ENTRY_NAME ? folder : entry,
      { file: join(folder, `${entry}.mjs`), metafile },
    ]);
  });
  return Object.fromEntries((await Promise.all(bundles)).flat());
}

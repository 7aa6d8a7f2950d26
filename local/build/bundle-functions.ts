import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

/** The name of the entry file, as in the CDK's own Node.js functions. */
const ENTRY_NAME = "index";

/** What functions share; it is none itself. */
const RUNTIME = "runtime";

/** The asset of functions that nobody waits for. Most of each is the same, and the package would have it five times. */
const BACKGROUND = "background";
const BACKGROUND_FOLDERS: ReadonlySet<string> = new Set([
  "anomalies",
  "cleanup",
  "ocsf-export",
  "republisher",
  "subscriber",
]);

/**
 * What the SDK imports on first use, and no function ever uses: a browser's user agent, and event streams, which
 * neither DynamoDB nor EventBridge, SQS, SNS or Firehose has.
 */
export const NEVER_LOADED = ["bowser", "@smithy/core/event-streams"];

/** Leaves out what is never loaded. The client of S3 imports event streams at its start: there they are in. */
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
 * How a function is bundled. The bundle contains everything, because the version of the runtime's SDK is unknown.
 * A module that is imported with `import()` becomes a separate file, which is loaded on first use.
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

/** How a function's browser page is bundled: one file for the script, and one for the style. */
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

/** A function as it is built. */
export interface FunctionBundle {
  /** Its entry file, relative to the folder of all bundles: `authorizer/index.mjs`. */
  readonly file: string;
  /** esbuild's metafile of its bundle. */
  readonly metafile: Metafile;
}

/** The assets, and the source of each of their entries by its name. */
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
 * Bundles the folders under `functions/` into folders under `outdir` that are ready to be assets. A
 * folder with a `handler.ts` is one function: `index.mjs`, the files that it loads on first use, and `page.js` and
 * `page.css` for a `page/` folder. In a folder without one, each file is a function, and all of them share an asset,
 * as do the functions that work in the background.
 *
 * @returns each function by its name: its folder's, or its file's where several share a folder
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
        // Lambda passes the credentials in the environment. The other providers of the default chain would be a
        // quarter of the bundle.
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

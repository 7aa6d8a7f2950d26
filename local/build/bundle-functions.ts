import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";

/** The name of the entry file, as in the CDK's own Node.js functions. */
const ENTRY_NAME = "index";

/**
 * How a function is bundled. The bundle contains everything, because the version of the runtime's SDK is unknown.
 * A module that is imported with `import()` becomes a separate file, which is loaded on first use.
 */
const FUNCTION_OPTIONS = {
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
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

/** The folders under `functions/` that are deployed: those with a handler. */
export function functionFolders(root: string): string[] {
  return readdirSync(join(root, "functions")).filter((folder) =>
    existsSync(join(root, "functions", folder, "handler.ts")),
  );
}

/**
 * Bundles every function into its own folder under `outdir`, which is ready to be an asset: `index.mjs`, the files
 * that it loads on first use, and `page.js` and `page.css` for a function with a `page/` folder.
 *
 * @returns esbuild's metafile of each bundle, by folder
 */
export async function bundleFunctions(
  root: string,
  outdir: string,
): Promise<Readonly<Record<string, Metafile>>> {
  const bundles = functionFolders(root).map(async (folder) => {
    const source = join(root, "functions", folder);
    const { metafile } = await build({
      ...FUNCTION_OPTIONS,
      absWorkingDir: root,
      alias: {
        // Lambda passes the credentials in the environment. The other providers of the default chain would be a
        // quarter of the bundle.
        "@aws-sdk/credential-provider-node": join(root, "functions/runtime/lambda-credentials.ts"),
        // The SDK would load it in a browser only.
        bowser: join(root, "functions/runtime/no-browser.ts"),
      },
      entryPoints: { [ENTRY_NAME]: join(source, "handler.ts") },
      outdir: join(outdir, folder),
    });
    const page = join(source, "page/main.tsx");
    if (existsSync(page)) {
      await build({ ...PAGE_OPTIONS, entryPoints: { page }, outdir: join(outdir, folder) });
    }
    return [folder, metafile] as const;
  });
  return Object.fromEntries(await Promise.all(bundles));
}

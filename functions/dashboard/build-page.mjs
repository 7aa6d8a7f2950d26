import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Bundles the page for the browser into `page.js` and `page.css`. Run while the function is bundled:
 * `build-page.mjs <directory of the bundle>`.
 */
const [, , outdir] = process.argv;
if (outdir === undefined) throw new Error("usage: build-page.mjs <output directory>");

await build({
  entryPoints: {
    page: fileURLToPath(new URL("./page/main.tsx", import.meta.url)),
  },
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
});

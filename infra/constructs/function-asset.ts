import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../shared/stack/package-root.ts";

/**
 * The folder of a function's bundle, ready to be an asset. The package contains it; in a clone,
 * `npm run build` makes it.
 *
 * @throws Error when it is missing, saying what to run
 */
export function functionAsset(folder: string): string {
  const path = join(packageRoot(), "dist/functions", folder);
  if (!existsSync(join(path, "index.mjs"))) {
    throw new Error(`the function ${folder} is not built: run npm run build`);
  }
  return path;
}

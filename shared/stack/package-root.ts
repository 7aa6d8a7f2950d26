import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PACKAGE_NAME = "oauth-monitoring";

/**
 * Returns the package's root folder, which contains `dist/` and, in a clone, `.local/`. Compiled code sits at a
 * different depth, so this searches upwards for our `package.json`.
 *
 * @throws Error if no parent folder contains it
 */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === PACKAGE_NAME) {
      return folder;
    }
    if (folder === dirname(folder))
      throw new Error(`${PACKAGE_NAME} is not installed completely. Reinstall it`);
  }
}

/** Returns the version in the package's `package.json`. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}

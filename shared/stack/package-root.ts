import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PACKAGE_NAME = "oauth-monitoring";

/**
 * The package's folder, which holds `dist/` and, in a clone, `.local/`. Compiling changes this module's
 * depth, so the folder is the first one above it with our `package.json`.
 *
 * @throws Error when there is none
 */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === PACKAGE_NAME) {
      return folder;
    }
    if (folder === dirname(folder))
      throw new Error(`${PACKAGE_NAME} is not installed completely: install it again`);
  }
}

/** The version in the package's `package.json`. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PACKAGE_NAME = "oauth-monitoring";

/**
 * The package's folder, in which `dist/` and, in a clone, `.local/` lie. This module is at another depth
 * once it is compiled, so the folder is the first one above it with our `package.json`.
 *
 * @throws Error when there is none
 */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === PACKAGE_NAME) {
      return folder;
    }
    if (folder === dirname(folder)) throw new Error(`${PACKAGE_NAME} is not installed whole`);
  }
}

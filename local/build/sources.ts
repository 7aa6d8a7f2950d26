import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Returns every file under the given files and directories, in a fixed order. */
function listFiles(root: string, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (!statSync(join(root, name)).isDirectory()) return [name];
    return readdirSync(join(root, name), { recursive: true, encoding: "utf8" })
      .map((file) => join(name, file))
      .filter((file) => statSync(join(root, file)).isFile())
      .sort();
  });
}

/** Returns a digest of the given files and of all files in the given directories. */
export function computeDigest(root: string, names: readonly string[]): string {
  const hash = createHash("sha256").update(process.version);
  for (const file of listFiles(root, names)) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/**
 * Makes something from sources, unless it was made from the same sources before.
 *
 * @param stamp file that stores the digest of the sources
 */
export async function makeOnce(
  stamp: string,
  digest: string,
  make: () => Promise<void>,
): Promise<void> {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  await make();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

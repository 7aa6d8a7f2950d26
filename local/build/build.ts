import { rm } from "node:fs/promises";
import { join } from "node:path";
import { computeDigest, makeOnce } from "./sources.ts";

const ROOT = join(import.meta.dirname, "../..");
const DIST = join(ROOT, "dist");

/** Sources of every bundle. */
const COMMON = ["package-lock.json", "tsconfig.json", "local/build", "adapters", "shared"];

/** Bundles the functions into `dist/functions`, unless they are up to date. */
async function makeFunctions(): Promise<void> {
  const digest = computeDigest(ROOT, [...COMMON, "functions"]);
  await makeOnce(join(DIST, ".functions"), digest, async () => {
    const { bundleFunctions } = await import("./bundle-functions.ts");
    await rm(join(DIST, "functions"), { recursive: true, force: true });
    await bundleFunctions(ROOT, join(DIST, "functions"));
  });
}

/** Compiles the package into `dist`, unless it is up to date. */
async function makePackage(): Promise<void> {
  const digest = computeDigest(ROOT, [...COMMON, "infra", "cli"]);
  await makeOnce(join(DIST, ".package"), digest, async () => {
    const { buildPackage } = await import("./build-package.ts");
    const compiled = ["infra", "adapters", "shared", "cli"].map((folder) => join(DIST, folder));
    await Promise.all(compiled.map((folder) => rm(folder, { recursive: true, force: true })));
    await buildPackage(ROOT, DIST);
  });
}

await Promise.all([makeFunctions(), makePackage()]);

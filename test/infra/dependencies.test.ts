import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Package {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

interface Component {
  readonly purl: string;
  readonly properties?: readonly { readonly name: string }[];
}

const DEVELOPMENT = "cdx:npm:package:development";

/** What may be used and passed on by a product under Apache-2.0 without further duties than notices. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "MIT-0",
  "Python-2.0",
]);

/** Packages whose metadata does not tell, or not all, with what their licence files say. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "amplify-dynamodb-simulator":
    "The package is Apache-2.0; the DynamoDB Local in it is under Amazon's DynamoDB Local License Agreement. It runs on a developer's machine only, is in no bundle, and is not passed on.",
  "typescript-json-schema":
    "The lock file has none, because an old field says it; its LICENSE is BSD-3-Clause.",
};

const lock = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")) as {
  readonly packages: Record<string, Package>;
};
const production = Object.entries(lock.packages)
  .filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional)
  .map(([path, found]) => ({ name: path.replace(/^.*node_modules\//, ""), path, ...found }));

/** Whether one alternative of an SPDX expression without AND is allowed. */
const allows = (expression = "") =>
  expression
    .replace(/^\(|\)$/g, "")
    .split(" OR ")
    .some((licence) => ALLOWED.has(licence));

/** Whether a package has DynamoDB Local in it, whose licence its metadata does not tell. */
const shipsItsOwnLicence = (name: string) =>
  existsSync(`${root}node_modules/${name}/emulator/LICENSE.txt`);

describe("production dependencies", () => {
  it("are under a licence that lets the product be used and passed on", () => {
    expect(production.length).toBeGreaterThan(100);
    const others = production
      .filter(({ name, license }) => !allows(license) || shipsItsOwnLicence(name))
      .map(({ name }) => name);
    expect(others.sort()).toEqual(Object.keys(EXCEPTIONS));
  });

  it("are all in the bill of materials, which is CycloneDX", () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    expect(scripts.sbom).toMatch(/^npm sbom /);
    const [command, ...arguments_] = scripts.sbom.split(" ");
    const bom = JSON.parse(
      execFileSync(command, arguments_, {
        cwd: root,
        encoding: "utf8",
        maxBuffer: 64 << 20,
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
    expect(bom.bomFormat).toBe("CycloneDX");
    // Development's are marked. `--omit dev` would leave out what production needs as well.
    const named = new Set(
      (bom.components as Component[])
        .filter(({ properties = [] }) => properties.every(({ name }) => name !== DEVELOPMENT))
        .map(({ purl }) => decodeURIComponent(purl)),
    );
    const missing = production
      .map(({ name, version }) => `pkg:npm/${name}@${version}`)
      .filter((purl) => !named.has(purl));
    expect(missing).toEqual([]);
  });
});

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
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
const BUNDLED = "cdx:npm:package:bundled";

const isForProduction = (properties: readonly string[]) =>
  !properties.includes(DEVELOPMENT) || properties.includes(BUNDLED);

/** Licenses that let an Apache-2.0 product redistribute the package with no duties beyond notices. */
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

const lock = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")) as {
  readonly packages: Record<string, Package>;
};
const production = Object.entries(lock.packages)
  .filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional)
  .map(([path, found]) => ({ name: path.replace(/^.*node_modules\//, ""), path, ...found }));

/** Whether an SPDX expression without AND has an allowed alternative. */
const allows = (expression = "") =>
  expression
    .replace(/^\(|\)$/g, "")
    .split(" OR ")
    .some((licence) => ALLOWED.has(licence));

describe("production dependencies", () => {
  it("have licenses that allow use and redistribution", () => {
    expect(production.length).toBeGreaterThan(30);
    const others = production.filter(({ license }) => !allows(license));
    expect(others.map(({ name }) => name)).toEqual([]);
  });

  it("are all listed in the CycloneDX bill of materials", () => {
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
    // npm marks development packages and packages bundled by one of them. It lists a package that
    // is also a production package only once, so `--omit dev` would drop packages that production needs.
    const named = new Set(
      (bom.components as Component[])
        .filter(({ properties = [] }) => isForProduction(properties.map(({ name }) => name)))
        .map(({ purl }) => decodeURIComponent(purl)),
    );
    const missing = production
      .map(({ name, version }) => `pkg:npm/${name}@${version}`)
      .filter((purl) => !named.has(purl));
    expect(missing).toEqual([]);
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder, ROOT, run } from "./new-app.ts";
import { PublicSurface } from "./public-surface.ts";

const surfaces = {
  "oauth-monitoring": new PublicSurface("infra/index.d.mts"),
  "oauth-monitoring/sdk": new PublicSurface("shared/index.d.mts"),
  "oauth-monitoring/lambda": new PublicSurface("adapters/lambda/index.d.mts"),
  "oauth-monitoring/node": new PublicSurface("adapters/node/index.d.mts"),
};

/** Whether a member is the `name` of an error class. */
const isErrorName = (name: string) => name.endsWith("Error.name");

describe.each(Object.entries(surfaces))("%s", (_, surface) => {
  it("exports every type that a public signature names", () => {
    expect(surface.names.length).toBeGreaterThan(10);
    expect(surface.unexported()).toEqual([]);
  });

  it("documents every export", () => {
    const silent = surface.exports().filter(({ doc }) => doc === "");
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("has one base class for its errors", () => {
    expect(surface.names).toContain("OAuthMonitoringError");
    expect(surface.errorsOutside("OAuthMonitoringError")).toEqual([]);
  });
});

describe.each([
  ["the construct", "oauth-monitoring", 60, 20],
  ["the middleware for Lambda", "oauth-monitoring/lambda", 15, 8],
  ["the middleware for Node servers", "oauth-monitoring/node", 20, 10],
] as const)("%s", (_, name, leastMembers, leastOptional) => {
  const surface = surfaces[name];

  it("documents every property and method", () => {
    const members = [...surface.members("interfaces"), ...surface.members("classes")];
    expect(members.length).toBeGreaterThan(leastMembers);
    const silent = members.filter(({ name, doc }) => doc === "" && !isErrorName(name));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("documents the default of every optional property", () => {
    const optional = surface.members("interfaces").filter(({ isOptional }) => isOptional);
    expect(optional.length).toBeGreaterThan(leastOptional);
    expect(optional.filter(({ defaultTag }) => !defaultTag).map(({ name }) => name)).toEqual([]);
  });
});

describe("docs/api", () => {
  it("is up to date. Otherwise run npm run docs", { timeout: 240_000 }, async () => {
    const folder = newFolder("api");
    await run(ROOT, join(ROOT, "node_modules/.bin/typedoc"), "--out", folder);
    const pages = readdirSync(folder).toSorted();
    const written = join(ROOT, "docs/api");
    expect(pages).toContain("sdk.md");
    expect(readdirSync(written).toSorted()).toEqual(pages);
    const read = (directory: string, page: string) => readFileSync(join(directory, page), "utf8");
    expect(pages.filter((page) => read(folder, page) !== read(written, page))).toEqual([]);
  });
});

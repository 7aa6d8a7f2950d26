import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { check } from "recheck";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Found {
  readonly location: string;
  readonly source: string;
  readonly flags: string;
}

/** Returns every regular expression in a file. The source is empty for one that is created at runtime. */
function regularExpressions(file: string): Found[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(`${root}${file}`, "utf8"),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    if (ts.isRegularExpressionLiteral(node)) {
      const [, pattern = "", flags = ""] = /^\/(.*)\/([a-z]*)$/s.exec(node.text) ?? [];
      found.push({ location: `${file}:${line}`, source: pattern, flags });
    } else if (ts.isIdentifier(node) && node.text === "RegExp") {
      found.push({ location: `${file}:${line}`, source: "", flags: "" });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const all = ["functions", "adapters", "shared", "infra", "cli", "local"]
  .flatMap((folder) =>
    readdirSync(`${root}${folder}`, { encoding: "utf8", recursive: true }).map(
      (name) => `${folder}/${name}`,
    ),
  )
  .filter((file) => /\.(ts|tsx|mjs)$/.test(file))
  .flatMap(regularExpressions);
const unique = [...new Map(all.map((each) => [`/${each.source}/${each.flags}`, each])).entries()];

describe("regular expressions", () => {
  it("are literals, so that they can be checked", () => {
    expect(unique.length).toBeGreaterThan(40);
    expect(all.filter(({ source }) => source === "")).toEqual([]);
  });

  it("are reported by the checker when they are vulnerable", async () => {
    expect(await check("^(a+)+$", "")).toMatchObject({ status: "vulnerable" });
    expect(await check("_+$", "")).toMatchObject({ status: "vulnerable" });
  });

  it.each(unique)("run in linear time: %s", async (_, { location, source, flags }) => {
    expect(await check(source, flags, { timeout: 60_000 }), location).toMatchObject({
      status: "safe",
    });
  });
});

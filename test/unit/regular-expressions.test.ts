import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check } from "recheck";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The sources of what is deployed, of the command line and of the local stack. */
const SOURCES = ["functions", "shared", "infra"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.m?[jt]sx?$/.test(name))
    .map((name) => join(folder, name)),
);

/** Every literal of a file, `/pattern/flags`; a pattern made at run time would escape the check. */
function patternsOf(file: string): string[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(ROOT, file), "utf8"),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(node.text);
    if (ts.isIdentifier(node) && node.text === "RegExp") found.push("new RegExp");
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const PATTERNS = new Set(SOURCES.flatMap(patternsOf));

describe("regular expressions", () => {
  it("are all written down", () => {
    expect(PATTERNS.size).toBeGreaterThan(30);
    expect(PATTERNS).not.toContain("new RegExp");
  });

  it.each([...PATTERNS])("take linear time at worst: %s", { timeout: 60_000 }, async (literal) => {
    const end = literal.lastIndexOf("/");
    const found = await check(literal.slice(1, end), literal.slice(end + 1));
    const complexity = found.status === "unknown" ? found.error.kind : found.complexity.summary;
    expect(complexity).toMatch(/safe|linear/);
  });

  it("would be found out", { timeout: 60_000 }, async () => {
    expect((await check("^(a+)+$", "")).status).toBe("vulnerable");
    expect((await check("\\s+$", "")).status).toBe("vulnerable");
  });
});

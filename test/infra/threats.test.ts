import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/threats.md", root), "utf8");
const rows = page.split("\n").filter((line) => /^\| [STRIDE] \|/.test(line));
const REFERENCE = /\| `(test\/[\w./-]+\.ts)`: "([^"]+)" \|$/;

describe("the threat model", () => {
  it("has each kind of threat", () => {
    const kinds = new Set(rows.map((row) => row.charAt(2)));
    expect([..."STRIDE"].filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  it.each(rows)("names a test that is there: %s", (row) => {
    const [, file, title] = REFERENCE.exec(row) ?? [];
    expect(file, "a file and a title").toBeDefined();
    const source = readFileSync(new URL(file ?? "", root), "utf8");
    const titles = [...source.matchAll(/\bit(?:\.each[\s\S]*?\))?\(\s*"((?:[^"\\]|\\.)*)"/g)];
    expect(titles.map(([, found]) => found)).toContain(title);
  });
});

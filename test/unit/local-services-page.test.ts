import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/local-services.md", root), "utf8");
const rows = page.split("\n").filter((line) => line.includes("](https://docs.aws.amazon.com/"));
const REFERENCE = /\| `(test\/[\w./-]+\.test\.ts)`: "([^"]+)" \|$/;
const tested = rows.filter((row) => !row.endsWith("| none |"));

describe("docs/local-services.md", () => {
  it("says for each behaviour whether it is emulated", () => {
    expect(tested.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toMatch(/\) \| (emulated|approximated|absent)\b/);
  });

  it.each(tested)("refers to an existing test: %s", (row) => {
    const [, file, title] = REFERENCE.exec(row) ?? [];
    expect(file, "a file and a title").toBeDefined();
    expect(readFileSync(new URL(file ?? "", root), "utf8")).toContain(`"${title}"`);
  });
});

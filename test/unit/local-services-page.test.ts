import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const page = new URL("../../docs/local-services.md", import.meta.url);
const files = [...readFileSync(page, "utf8").matchAll(/\]\((\.\.\/test\/[^)]+)\)/g)].map(
  ([, file = ""]) => file,
);

describe("docs/local-services.md", () => {
  it("links only to existing test files", () => {
    expect(files).not.toHaveLength(0);
    expect(files.filter((file) => !existsSync(new URL(file, page)))).toEqual([]);
  });
});

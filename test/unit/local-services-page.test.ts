import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/local-services.md", root), "utf8");
const files = [...page.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, file = ""]) => file);

describe("docs/local-services.md", () => {
  it("names only existing test files", () => {
    expect(files).not.toHaveLength(0);
    expect(files.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
  });
});

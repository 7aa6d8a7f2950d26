import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { undocumentedKeys } from "../../local/docs/configuration-page.ts";
import { GENERATED_PAGES } from "../../local/docs/generated-pages.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

const markdownIn = (folder: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const PAGES = [".", "docs", "test/bench"].flatMap(markdownIn);

/** Returns a page without code blocks, because `#` and brackets mean something else there. */
const prose = (file: string) => read(file).replace(/^```[\s\S]*?^```/gm, "");

/** Returns the anchors that GitHub generates for a page's headings. */
function getAnchors(file: string): Set<string> {
  const headings = [...prose(file).matchAll(/^#{1,6} (.+)$/gm)].map(([, text = ""]) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** Returns a page's links to files in the repository, as written. */
function getLinks(file: string): string[] {
  const targets = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** Returns why a link is broken, or undefined for a valid link. */
function error(file: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : normalize(join(dirname(file), path));
  if (!existsSync(join(ROOT, target))) return `${link}: there is no ${target}`;
  if (anchor && target.endsWith(".md") && !getAnchors(target).has(anchor)) {
    return `${link}: ${target} has no heading ${anchor}`;
  }
  return undefined;
}

describe("generated docs pages", () => {
  it.each(GENERATED_PAGES)("are up to date: $file", ({ file, make }) => {
    const written = existsSync(file) ? readFileSync(file, "utf8") : "";
    expect(written === make(), `${file} is out of date: run npm run docs`).toBe(true);
  });

  it("document every configuration key", () => {
    expect(undocumentedKeys()).toEqual([]);
  });
});

describe("documentation", () => {
  it.each(PAGES)("has only valid links: %s", (file) => {
    expect(getLinks(file).flatMap((link) => error(file, link) ?? [])).toEqual([]);
  });

  it.each(PAGES)("names only existing npm scripts: %s", (file) => {
    const { scripts } = JSON.parse(read("package.json"));
    const named = [...read(file).matchAll(/npm run (?:--silent )?([a-z][a-z:-]*)/g)];
    expect(named.map(([, name = ""]) => name).filter((name) => !(name in scripts))).toEqual([]);
  });

  it("has an index that lists every page", () => {
    const pages = readdirSync(join(ROOT, "docs")).filter((name) => /^(?!README).*\.md$/.test(name));
    const linked = new Set(getLinks("docs/README.md").map((link) => link.split("#")[0]));
    expect(pages.filter((name) => !linked.has(name))).toEqual([]);
  });

  it("has a README of at most 150 lines", () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });
});

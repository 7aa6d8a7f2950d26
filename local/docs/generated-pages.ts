import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandLinePage } from "./command-line-page.ts";
import { configurationPage } from "./configuration-page.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Folders of `shared/` and their contents, by layer, lowest first. */
const { LAYERS } = (await import(join(ROOT, ".dependency-cruiser.mjs"))) as {
  readonly LAYERS: readonly Readonly<Record<string, string>>[];
};

const START = "<!-- layers -->";
const END = "<!-- end -->";

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

/** Returns docs/architecture.md with the current table of layers. */
function architecturePage(): string {
  const rows = LAYERS.map((layer) => {
    const folders = Object.keys(layer).map((folder) => `\`${folder}\``);
    return row([folders.join(", "), Object.values(layer).join("; ")]);
  });
  const table = [row(["folder", "contents"]), row(["---", "---"]), ...rows].join("\n");
  const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const [before, rest = ""] = page.split(START);
  return [before, START, `\n\n${table}\n\n`, END, rest.split(END)[1]].join("");
}

/** The generated pages and the functions that make them. */
export const GENERATED_PAGES: readonly { readonly file: string; readonly make: () => string }[] = [
  { file: join(ROOT, "docs/architecture.md"), make: architecturePage },
  { file: join(ROOT, "docs/configuration.md"), make: configurationPage },
  { file: join(ROOT, "docs/command-line.md"), make: commandLinePage },
];

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BenchmarkTable } from "../benchmark.ts";
import { replaced } from "../cost-page.ts";
import { toMarkdown } from "../results-page.ts";
import { isPolicyTable } from "./policy-report.ts";
import { RECOMMENDED } from "./recommended-policies.ts";

const PAGE = fileURLToPath(new URL("../../../docs/actions.md", import.meta.url));

/** Returns the recommended policies as a Markdown code block. */
export function recommendedText(): string {
  return `\`\`\`json\n${JSON.stringify({ responses: RECOMMENDED }, null, 2)}\n\`\`\``;
}

/** Writes the recommended policies and their measured effect into docs/actions.md. */
export function writePolicyPage(tables: readonly BenchmarkTable[]): void {
  const page = readFileSync(PAGE, "utf8");
  const figures = tables.filter(isPolicyTable).map(toMarkdown).join("\n\n");
  writeFileSync(
    PAGE,
    replaced(replaced(page, "recommended", recommendedText()), "policies", figures),
  );
}

import type { BenchmarkTable } from "./benchmark.ts";

const line = (cells: readonly unknown[]) =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

/** Formats a table as Markdown, with its title. */
export function toMarkdown({ title, columns, rows }: BenchmarkTable): string {
  return [title, "", line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Replaces a benchmark's section of the results page, or appends the section. */
export function replaceResults(
  page: string,
  name: string,
  tables: readonly BenchmarkTable[],
): string {
  const heading = `## ${name}`;
  const section = `${[heading, ...tables.map(toMarkdown)].join("\n\n")}\n`;
  const sections = page.split(/\n(?=## )/);
  const index = sections.findIndex((each) => each.startsWith(`${heading}\n`));
  if (index === -1) sections.push(section);
  else sections[index] = section;
  return sections.join("\n");
}

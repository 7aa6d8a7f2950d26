import type { BenchmarkTable } from "./benchmark.ts";

/** The latest tables by benchmark. */
export type BenchmarkResults = Record<string, readonly BenchmarkTable[]>;

const line = (cells: readonly unknown[]) =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

/** Formats a table as Markdown, with its title. */
export function toMarkdown({ title, columns, rows }: BenchmarkTable): string {
  return [title, "", line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Returns a page of the latest tables, in the order of `names`. */
export function resultsPage(results: BenchmarkResults, names: readonly string[]): string {
  const sections = names.flatMap((name) => {
    const tables = results[name];
    return tables ? [[`## ${name}`, ...tables.map(toMarkdown)].join("\n\n")] : [];
  });
  const heading = [
    "# Latest results",
    "Written by `npm run bench`. [Benchmarks](../../docs/benchmarks.md) says what they measure and what follows.",
  ];
  return `${[...heading, ...sections].join("\n\n")}\n`;
}

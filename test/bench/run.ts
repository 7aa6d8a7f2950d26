import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { table } from "../../shared/core/terminal.ts";
import { auditQuery } from "./audit-query.ts";
import { authorizer } from "./authorizer.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { cleanupBenchmark } from "./cleanup.ts";
import { contention } from "./contention.ts";
import { detection } from "./detection.ts";
import { endToEnd } from "./end-to-end.ts";
import { replaceResults } from "./results-page.ts";
import { statistics } from "./statistics.ts";
import { subscriber } from "./subscriber.ts";

const BENCHMARKS: readonly Benchmark[] = [
  detection,
  authorizer,
  subscriber,
  contention,
  statistics,
  auditQuery,
  cleanupBenchmark,
  endToEnd,
];

const RESULTS_PAGE = fileURLToPath(new URL("./RESULTS.md", import.meta.url));

function chosen(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((name) => !BENCHMARKS.some((one) => one.name === name));
  if (unknown.length > 0) {
    const known = BENCHMARKS.map(({ name }) => name).join(", ");
    throw new Error(`unknown benchmark ${unknown.join(", ")}. Choose from: ${known}`);
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

function render({ title, columns, rows }: BenchmarkTable): string {
  return `\n${title}\n\n${table(
    columns,
    rows.map((row) => row.map(String)),
  )}`;
}

async function main(): Promise<void> {
  for (const { name, run } of chosen(process.argv.slice(2))) {
    console.error(`${name} …`);
    const tables = await run((line) => console.error(`  ${line}`));
    for (const each of tables) console.log(render(each));
    // Written after each benchmark, so that a failure does not lose the results from the other benchmarks.
    writeFileSync(RESULTS_PAGE, replaceResults(readFileSync(RESULTS_PAGE, "utf8"), name, tables));
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

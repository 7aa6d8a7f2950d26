/** A result: counts, or ratios of what was measured side by side in one run. */
export interface BenchmarkTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** One benchmark; `npm run bench -- <name>` runs it alone. */
export interface Benchmark {
  readonly name: string;
  /** @param report tells of progress */
  readonly run: (report: (line: string) => void) => Promise<readonly BenchmarkTable[]>;
}

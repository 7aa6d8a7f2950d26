/** A result table: counts, or ratios of values that were measured side by side in one run. */
export interface BenchmarkTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A benchmark. `npm run bench -- <name>` runs only this one. */
export interface Benchmark {
  readonly name: string;
  /** @param report called with progress messages */
  readonly run: (report: (line: string) => void) => Promise<readonly BenchmarkTable[]>;
}

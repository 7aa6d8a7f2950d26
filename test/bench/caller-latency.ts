import type { BenchmarkTable } from "./benchmark.ts";
import { median, percentile } from "./percentile.ts";

/** Milliseconds of calls made one after another. */
export interface CallerLatency {
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

const CALLS_ALONE = 500;

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}

/** Calls while nothing else goes on, and then for as long as `work` does. */
export async function measureCaller(
  call: () => Promise<unknown>,
  work: () => Promise<unknown>,
): Promise<CallerLatency> {
  const [alone, beside]: [number[], number[]] = [[], []];
  while (alone.length < CALLS_ALONE) alone.push(await timed(call));
  let done = false;
  const working = work().finally(() => {
    done = true;
  });
  while (!done) beside.push(await timed(call));
  await working;
  return { alone, beside };
}

/** One row: whose caller, and how much later it is answered beside the work. */
export function latencyRow(
  name: string,
  { alone, beside }: CallerLatency,
): BenchmarkTable["rows"][number] {
  const ratio = (of: (ms: readonly number[]) => number) => (of(beside) / of(alone)).toFixed(2);
  return [
    name,
    beside.length,
    median(alone).toFixed(2),
    median(beside).toFixed(2),
    ratio(median),
    ratio((ms) => percentile(ms, 0.95)),
    Math.max(...beside).toFixed(0),
  ];
}

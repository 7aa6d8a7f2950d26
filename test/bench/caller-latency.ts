import type { BenchmarkTable } from "./benchmark.ts";
import { shuffled } from "./interleaved.ts";
import { median, percentile } from "./percentile.ts";

/** Latencies of a caller's sequential calls, in milliseconds. */
export interface CallerLatency {
  /** Latencies while the store does nothing else. */
  readonly alone: number[];
  readonly during: number[];
  /** Duration of the concurrent work in each round, in milliseconds. */
  readonly workMs: number[];
}

const CALLS_ALONE = 200;

/** A caller, and concurrent work that may slow it down. */
export interface DisturbedCaller {
  readonly call: () => Promise<unknown>;
  readonly work: (round: number) => Promise<unknown>;
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}

async function callDuringWork({ call, work }: DisturbedCaller, round: number, into: CallerLatency) {
  const startedMs = performance.now();
  let done = false;
  const working = work(round).finally(() => {
    into.workMs.push(performance.now() - startedMs);
    done = true;
  });
  // The `await` below throws the error. This handler prevents an unhandled rejection until then.
  working.catch(() => {});
  while (!done) into.during.push(await timed(call));
  await working;
}

/**
 * Measures several callers, round by round and in random order, both without the concurrent work and while it runs.
 * Other load on the machine affects both measurements alike.
 */
export async function measureCallers<Name extends string>(
  callers: Readonly<Record<Name, DisturbedCaller>>,
  rounds: number,
): Promise<Record<Name, CallerLatency>> {
  const names = Object.keys(callers) as Name[];
  const found = Object.fromEntries(
    names.map((name) => [name, { alone: [], during: [], workMs: [] }]),
  ) as unknown as Record<Name, CallerLatency>;
  // The first calls on a connection are always slow.
  for (const name of names) {
    for (let calls = 0; calls < CALLS_ALONE; calls += 1) await callers[name].call();
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of shuffled(names)) {
      const [caller, into] = [callers[name], found[name]];
      for (const which of shuffled(["alone", "during"])) {
        if (which === "during") await callDuringWork(caller, round, into);
        else for (let n = 0; n < CALLS_ALONE; n += 1) into.alone.push(await timed(caller.call));
      }
    }
  }
  return found;
}

/** Columns for `latencyRow`. */
export const LATENCY_COLUMNS = [
  "caller",
  "among",
  "concurrent work ms",
  "calls during it",
  "median ms without",
  "median ms during it",
  "ratio of medians",
  "ratio of p95",
  "longest ms during it",
] as const;

/** Returns a row with a caller's latency and how much the concurrent work increases it. */
export function latencyRow(
  name: string,
  among: number,
  { alone, during, workMs }: CallerLatency,
): BenchmarkTable["rows"][number] {
  const ratio = (of: (ms: readonly number[]) => number) => (of(during) / of(alone)).toFixed(2);
  return [
    name,
    among,
    median(workMs).toFixed(0),
    during.length,
    median(alone).toFixed(2),
    median(during).toFixed(2),
    ratio(median),
    ratio((ms) => percentile(ms, 0.95)),
    Math.max(...during).toFixed(0),
  ];
}

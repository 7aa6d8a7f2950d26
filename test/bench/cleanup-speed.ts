import type { BenchmarkTable } from "./benchmark.ts";
import { type CleanupScene, PURGE_ROUNDS, PURGE_WARM_UP } from "./cleanup-scene.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";

/** Columns for `compareCleanupSpeed`. */
export const SPEED_COLUMNS = [
  "expired",
  "among",
  "items/s",
  "items/s, bare deletes",
  "median ratio",
] as const;

/**
 * Measures how many items per second the cleanup and deletes by known keys remove. They alternate.
 */
export async function compareCleanupSpeed(
  scene: CleanupScene,
): Promise<BenchmarkTable["rows"][number]> {
  const { ours, bare, expired, among, slice } = scene;
  const removed: number[] = [];
  const times = await interleaved(
    {
      cleanup: async (round) => {
        removed[round] = (await ours.run({ kind: "cleanup", items: slice })).removed;
      },
      bare: (round) => bare.run({ kind: "bare", first: round * slice, items: slice }),
    },
    { rounds: PURGE_ROUNDS, warmUp: PURGE_WARM_UP },
  );
  const perMs = times.cleanup.map((ms, n) => (removed[n + PURGE_WARM_UP] ?? Number.NaN) / ms);
  const perMsBare = times.bare.map((ms) => slice / ms);
  const perSecond = (each: readonly number[]) => Math.round(1000 * median(each));
  const ratio = median(perMs.map((each, round) => each / (perMsBare[round] ?? Number.NaN)));
  return [expired, among, perSecond(perMs), perSecond(perMsBare), ratio.toFixed(2)];
}

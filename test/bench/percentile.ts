/** Returns the value that `share` of the values do not exceed. 0.5 is the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Returns the median, which a single slow moment of the machine does not affect. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** A value and how often it occurred. */
export interface ValueCount {
  readonly value: string;
  readonly count: number;
}

/** The first ten by count, the most first. */
export function mostFrequent(counts: ReadonlyMap<string, number>): ValueCount[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value))
    .slice(0, 10);
}

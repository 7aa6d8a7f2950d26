/**
 * Returned by a variant that continues to work after its response. Only the time until this object is created counts.
 */
export class Answered {
  readonly atMs = performance.now();
}

/**
 * Times variants of the same work round by round, so that other load on the machine affects all of them alike. A round
 * starts with the variant that ended the previous round, and runs the others in random order. As a result, each variant
 * follows every variant, including itself, equally often. No variant benefits more than others from warm caches or open
 * sockets that a previous variant leaves behind.
 *
 * @returns milliseconds by round for each variant, without the `warmUp` rounds
 */
export async function interleaved<Name extends string>(
  variants: Readonly<Record<Name, (round: number) => Promise<unknown>>>,
  { rounds, warmUp = 0 }: { readonly rounds: number; readonly warmUp?: number },
): Promise<Record<Name, number[]>> {
  const names = Object.keys(variants) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  let order = shuffled(names);
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const name of order) {
      const startedMs = performance.now();
      const result = await variants[name](round);
      const endedMs = result instanceof Answered ? result.atMs : performance.now();
      if (round >= warmUp) times[name].push(endedMs - startedMs);
    }
    const last = order.slice(-1);
    order = [...last, ...shuffled(names.filter((name) => !last.includes(name)))];
  }
  return times;
}

/** Returns the values in random order. */
export function shuffled<T>(values: readonly T[]): T[] {
  const locations = new Map(values.map((value) => [value, Math.random()]));
  return values.toSorted((a, b) => (locations.get(a) ?? 0) - (locations.get(b) ?? 0));
}

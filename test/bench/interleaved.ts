/** Said by a variant that goes on after its answer: only what came before counts. */
export class Answered {
  readonly atMs = performance.now();
}

/**
 * Times variants of the same work round by round, so that whatever else the machine does meets all of
 * them alike. A round begins with the variant that ended the one before and has the others in random
 * order: each variant follows each, itself too, equally often, so that what a variant leaves behind
 * (warm caches, open sockets) is no other's advantage.
 *
 * @returns milliseconds by round, of each variant; the rounds of `warmUp` are left out
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

/** The values in a random order. */
export function shuffled<T>(values: readonly T[]): T[] {
  const places = new Map(values.map((value) => [value, Math.random()]));
  return values.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
}

/** Said by a variant that goes on after its answer: only what came before counts. */
export class Answered {
  readonly atMs = performance.now();
}

/**
 * Times variants of the same work round by round, each round in a random order, so that whatever else
 * the machine does, and whatever a variant leaves behind, meets all of them alike.
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
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const name of shuffled(names)) {
      const startedMs = performance.now();
      const result = await variants[name](round);
      const endedMs = result instanceof Answered ? result.atMs : performance.now();
      if (round >= warmUp) times[name].push(endedMs - startedMs);
    }
  }
  return times;
}

function shuffled<T>(values: readonly T[]): T[] {
  const places = new Map(values.map((value) => [value, Math.random()]));
  return values.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
}

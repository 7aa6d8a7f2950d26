import { setImmediate as turn } from "node:timers/promises";

/** Time that passes only when everybody waits: an hour of traffic takes as long as its computing. */
export class VirtualTime {
  #nowMs: number;
  readonly #waiting: { readonly atMs: number; readonly wake: () => void }[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  readonly clock = (): number => this.#nowMs;

  readonly wait = (ms: number): Promise<void> =>
    new Promise((wake) => {
      const atMs = this.#nowMs + ms;
      const index = this.#waiting.findLastIndex((each) => each.atMs <= atMs) + 1;
      this.#waiting.splice(index, 0, { atMs, wake });
    });

  /** Lets time pass until the given instant, epoch milliseconds. */
  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      // What the last one woken does without waiting comes first.
      await turn();
      const [next] = this.#waiting;
      if (!next || next.atMs > endMs) return;
      this.#waiting.shift();
      this.#nowMs = next.atMs;
      next.wake();
    }
  }
}

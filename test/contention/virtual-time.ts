import { setImmediate as turn } from "node:timers/promises";

/** A clock that advances only when every task waits, so that simulated waiting takes no real time. */
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

  /** Advances time until an instant in epoch milliseconds. */
  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      // Let the task that was woken last run until it waits.
      await turn();
      const [next] = this.#waiting;
      if (!next || next.atMs > endMs) return;
      this.#waiting.shift();
      this.#nowMs = next.atMs;
      next.wake();
    }
  }
}

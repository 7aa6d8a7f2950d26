import { HOUR_MS } from "../core/clock.ts";
import type { EnteredValues } from "./values-in-use.ts";

/**
 * What a process remembers of values that it entered, for an hour at most. Whoever restores or empties the table takes
 * values away that running processes believe to be there: an hour later they are entered again.
 *
 * Cost: half a read unit an hour for each value that goes on being used.
 */
export class EnteredMemory {
  readonly #values: EnteredValues = new Map();
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** What is remembered at an instant, epoch milliseconds. */
  at(nowMs: number): EnteredValues {
    if (nowMs - this.#sinceMs >= HOUR_MS) {
      this.#values.clear();
      this.#sinceMs = nowMs;
    }
    return this.#values;
  }
}

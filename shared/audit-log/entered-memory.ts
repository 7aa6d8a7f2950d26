import { HOUR_MS } from "../core/clock.ts";
import type { EnteredValues } from "./values-in-use.ts";

/**
 * Remembers the registered values of a process for up to an hour. After a table is restored or emptied, running
 * processes register their values again within an hour.
 *
 * Cost: half a read unit per hour for each value in use.
 */
export class EnteredMemory {
  readonly #values: EnteredValues = new Map();
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Returns the remembered values at `nowMs` (epoch milliseconds). */
  at(nowMs: number): EnteredValues {
    if (nowMs - this.#sinceMs >= HOUR_MS) {
      this.#values.clear();
      this.#sinceMs = nowMs;
    }
    return this.#values;
  }
}

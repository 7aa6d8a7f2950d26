import { HOUR_MS } from "../core/clock.ts";
import type { RegisteredValues } from "./values-in-use.ts";

/**
 * Remembers for up to an hour which values this process has registered. If a table is restored or emptied, running
 * processes therefore register their values again within an hour.
 *
 * Cost: half a read unit per hour for each value in use.
 */
export class RegistrationMemory {
  readonly #values: RegisteredValues = new Map();
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Returns the values remembered at `nowMs` (epoch milliseconds). */
  at(nowMs: number): RegisteredValues {
    if (nowMs - this.#sinceMs >= HOUR_MS) {
      this.#values.clear();
      this.#sinceMs = nowMs;
    }
    return this.#values;
  }
}

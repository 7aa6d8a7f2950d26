import type { Clock } from "../core/clock.ts";

/** Consecutive failures that open the circuit. */
const FAILURES = 2;
const OPEN_MS = 30_000;

/**
 * Stops calls to a failing service. Two consecutive failures open the circuit for 30 seconds; then one trial call is
 * allowed. The implementation compares times instead of using a timer, because timers stop while Lambda freezes a
 * function.
 */
export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = 0;

  constructor(private readonly clock: Clock) {}

  get isOpen(): boolean {
    return this.#failures >= FAILURES;
  }

  /** Whether the next call is allowed. An open circuit allows one call every 30 seconds. */
  admits(): boolean {
    if (!this.isOpen) return true;
    if (this.clock() < this.#openUntilMs) return false;
    // Allow only this trial. The circuit stays open for concurrent calls until the trial succeeds.
    this.#openUntilMs = this.clock() + OPEN_MS;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
    this.#openUntilMs = this.clock() + OPEN_MS;
  }
}

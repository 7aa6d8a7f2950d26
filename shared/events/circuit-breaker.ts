import type { Clock } from "../core/clock.ts";

/** Consecutive failures that open the circuit. */
const FAILURES = 2;
const OPEN_MS = 30_000;

/**
 * Stops calls to a service that fails: after two consecutive failures it is open for 30 seconds, then lets one trial
 * through. It compares times instead of using a timer, because timers stand still while Lambda freezes a function.
 */
export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = 0;

  constructor(private readonly clock: Clock) {}

  get isOpen(): boolean {
    return this.#failures >= FAILURES;
  }

  /** Whether the next call may be made. While the circuit is open, one call every 30 seconds may. */
  admits(): boolean {
    if (!this.isOpen) return true;
    if (this.clock() < this.#openUntilMs) return false;
    // Only this trial: concurrent calls wait for its outcome.
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

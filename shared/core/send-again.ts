import { setTimeout as sleep } from "node:timers/promises";

/** Retry options for items that a batch API rejects. */
export interface SendAgainOptions {
  /**
   * Maximum calls per rejected item, on top of the SDK's own retries of whole calls.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * First delay between attempts in milliseconds; doubled each time, with jitter.
   *
   * @default 50
   */
  readonly retryDelayMs?: number | undefined;
  /** Waits between attempts. Defaults to a timer. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
  /** Whether to try again, asked after each attempt. Defaults to always. */
  readonly mayRetry?: (() => boolean) | undefined;
}

/**
 * Sends items through an API that can reject some of them, and retries the rejected ones, which the SDK
 * doesn't.
 *
 * @param sendOnce returns the rejected items and the reason
 * @returns the items still rejected after the last attempt, and the reason
 */
export async function sendAgain<T, Reason>(
  items: readonly T[],
  sendOnce: (items: readonly T[]) => Promise<[T[], Reason]>,
  {
    maxAttempts = 3,
    retryDelayMs = 50,
    wait = sleep,
    mayRetry = () => true,
  }: SendAgainOptions = {},
): Promise<[T[], Reason]> {
  let [refused, reason] = await sendOnce(items);
  for (let attempt = 1; refused.length > 0 && attempt < maxAttempts && mayRetry(); attempt += 1) {
    await wait(retryDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
    [refused, reason] = await sendOnce(refused);
  }
  return [refused, reason];
}

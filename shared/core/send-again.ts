import { setTimeout as sleep } from "node:timers/promises";

/** How often, and how soon, what a batch API refuses in part is sent again. */
export interface SendAgainOptions {
  /** Calls in all for an item that is refused; default 3. The SDK retries whole calls on top of that. */
  readonly maxAttempts?: number | undefined;
  /** First wait between attempts; doubled and jittered. Default 50 ms. */
  readonly retryDelayMs?: number | undefined;
  /** Waits between attempts; real time by default. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
  /** Asked after each attempt: whether another one is worth it. Always, by default. */
  readonly mayRetry?: (() => boolean) | undefined;
}

/**
 * Sends items by an API that can refuse a part of them, which the SDK does not retry, and sends again
 * what it refused.
 *
 * @param sendOnce answers the items that were refused, and why
 * @returns what was refused to the end, and why
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

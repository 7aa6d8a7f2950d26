import { setTimeout as sleep } from "node:timers/promises";

/** Retry options for items that a batch API rejects. */
export interface SendAgainOptions {
  /**
   * Maximum calls per rejected item. The SDK also retries whole calls.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Delay before the second attempt, in milliseconds. Doubles with each attempt, with jitter.
   *
   * @default 50
   */
  readonly retryDelayMs?: number | undefined;
  /** Delay function. Defaults to a real timer. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
  /** Called after each attempt to check whether to try again. Defaults to always. */
  readonly mayRetry?: (() => boolean) | undefined;
}

/**
 * Sends items to an API that can reject some of them, and retries the rejected items, because the SDK doesn't.
 *
 * @param sendOnce sends items and returns the rejected ones with the reason
 * @returns the items still rejected after the last attempt, with the reason
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

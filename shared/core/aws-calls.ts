import { setTimeout as sleep } from "node:timers/promises";

/** Timeout options of the SDK's Node.js request handler, in milliseconds. */
export interface RequestTimeouts {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly throwOnRequestTimeout: true;
}

/**
 * Returns request handler options that abort a request after `requestMs`. Without `throwOnRequestTimeout`, the SDK only
 * logs a warning and keeps waiting.
 */
export function giveUpAfter(requestMs: number): RequestTimeouts {
  return { connectionTimeout: 1000, requestTimeout: requestMs, throwOnRequestTimeout: true };
}

/** Limits for one call to a batch API. */
export interface CallLimits<T> {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly getByteLength: (item: T) => number;
}

/** Splits items into batches that stay within the limits. An item larger than `maxBytes` gets a separate batch. */
export function splitIntoCalls<T>(items: readonly T[], limits: CallLimits<T>): T[][] {
  const calls: T[][] = [];
  let call: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = limits.getByteLength(item);
    if (call.length === limits.maxItems || (call.length > 0 && bytes + size > limits.maxBytes)) {
      calls.push(call);
      call = [];
      bytes = 0;
    }
    call.push(item);
    bytes += size;
  }
  if (call.length > 0) calls.push(call);
  return calls;
}

/** Retry options for items that a batch API rejects. */
export interface RetryOptions {
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
export async function retryRejected<T, Reason>(
  items: readonly T[],
  sendOnce: (items: readonly T[]) => Promise<[T[], Reason]>,
  { maxAttempts = 3, retryDelayMs = 50, wait = sleep, mayRetry = () => true }: RetryOptions = {},
): Promise<[T[], Reason]> {
  let [rejected, reason] = await sendOnce(items);
  for (let attempt = 1; rejected.length > 0 && attempt < maxAttempts && mayRetry(); attempt += 1) {
    await wait(retryDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
    [rejected, reason] = await sendOnce(rejected);
  }
  return [rejected, reason];
}

/** Characters that SQS and SNS reject because XML 1.0 doesn't allow them. */
const UNSENDABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/**
 * Serializes a value as JSON that SQS and SNS accept. `JSON.stringify` doesn't escape U+FFFE and U+FFFF,
 * which the services reject.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function sendableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSENDABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Replaces every character that SQS and SNS reject with a question mark. */
export function sendableText(text: string): string {
  return text.replace(UNSENDABLE, "?");
}

/** Rounding rules of AWS metering. See `prices.ts` for the prices. */

export const KB = 1024;

/** Bytes per GB as CloudWatch, EventBridge and DynamoDB count them. */
export const GB = 1024 ** 3;

/** AWS bills a month as 730 hours. */
export const HOURS_A_MONTH = 730;

export const SECONDS_A_MONTH = HOURS_A_MONTH * 3600;

export const DAYS_A_MONTH = HOURS_A_MONTH / 24;

/** Returns how many events or requests are billed: one for each started 64 KB. */
export function chunks(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / (64 * KB)));
}

/** Returns the write units needed to write an item of this size in bytes. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / KB));
}

/** Returns the read units needed to read an item of this size in bytes. Reads are eventually consistent by default. */
export function readUnits(bytes: number, consistent = false): number {
  return Math.max(1, Math.ceil(bytes / (4 * KB))) * (consistent ? 1 : 0.5);
}

/** Bytes that CloudWatch adds to each log event. */
const LOG_EVENT_BYTES = 26;

/** Returns how many bytes CloudWatch meters for some log lines. */
export function logBytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + LOG_EVENT_BYTES, 0);
}

/** Seconds for which SQS and DynamoDB reuse a data key. */
const DATA_KEY_SECONDS = 300;

/**
 * Returns how many KMS requests an encrypted queue causes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 *
 * @param seconds billed time
 * @param producers number of sending principals
 * @param consumers number of receiving principals
 */
export function queueKeyRequests(seconds: number, producers: number, consumers: number): number {
  return (seconds / DATA_KEY_SECONDS) * (2 * producers + consumers);
}

/**
 * Returns how many KMS requests encrypted tables cause: one per data key for each principal and table in constant use.
 *
 * @param seconds billed time
 */
export function tableKeyRequests(seconds: number, pairs: number): number {
  return (seconds / DATA_KEY_SECONDS) * pairs;
}

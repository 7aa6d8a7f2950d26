/** Rounding rules of AWS metering. See `prices.ts` for the prices. */

export const KB = 1024;

/** GB of CloudWatch, EventBridge and DynamoDB. */
export const GB = 1024 ** 3;

/** AWS counts a month as 730 hours. */
export const HOURS_A_MONTH = 730;

export const SECONDS_A_MONTH = HOURS_A_MONTH * 3600;

export const DAYS_A_MONTH = HOURS_A_MONTH / 24;

/** Returns the billed events or requests: one per started 64 KB. */
export function chunks(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / (64 * KB)));
}

/** Returns the write units of an item with this size in bytes. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / KB));
}

/** Returns the read units of an item with this size in bytes. Eventually consistent by default. */
export function readUnits(bytes: number, consistent = false): number {
  return Math.max(1, Math.ceil(bytes / (4 * KB))) * (consistent ? 1 : 0.5);
}

/** Bytes that CloudWatch adds to each log event. */
const LOG_EVENT_BYTES = 26;

/** Returns the metered bytes of log lines. */
export function logBytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + LOG_EVENT_BYTES, 0);
}

/** Seconds for which SQS and DynamoDB reuse a data key. */
const DATA_KEY_SECONDS = 300;

/**
 * Returns the KMS requests of an encrypted queue.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 *
 * @param seconds billed time
 * @param producers sending principals
 * @param consumers receiving principals
 */
export function queueKeyRequests(seconds: number, producers: number, consumers: number): number {
  return (seconds / DATA_KEY_SECONDS) * (2 * producers + consumers);
}

/**
 * Returns the KMS requests of encrypted tables: one per data key and pair of principal and table in constant use.
 *
 * @param seconds billed time
 */
export function tableKeyRequests(seconds: number, pairs: number): number {
  return (seconds / DATA_KEY_SECONDS) * pairs;
}

/** How AWS rounds what it meters; the prices are in `prices.ts`. */

export const KB = 1024;

/** CloudWatch's, EventBridge's and DynamoDB's GB. */
export const GB = 1024 ** 3;

/** AWS counts a month as 730 hours. */
export const HOURS_A_MONTH = 730;

export const SECONDS_A_MONTH = HOURS_A_MONTH * 3600;

export const DAYS_A_MONTH = HOURS_A_MONTH / 24;

/** An event on a bus, and a request to a queue, count once for each 64 KB begun. */
export function chunks(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / (64 * KB)));
}

/** Write units of an item, by its size in bytes. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / KB));
}

/** Read units of an item, by its size in bytes; eventually consistent by default. */
export function readUnits(bytes: number, consistent = false): number {
  return Math.max(1, Math.ceil(bytes / (4 * KB))) * (consistent ? 1 : 0.5);
}

/** What CloudWatch adds to the bytes of each log event. */
const LOG_EVENT_BYTES = 26;

/** Metered bytes of log lines. */
export function logBytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + LOG_EVENT_BYTES, 0);
}

/** A data key of SQS and DynamoDB is asked for again after five minutes. */
const DATA_KEY_SECONDS = 300;

/**
 * Requests to KMS for an encrypted queue.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 *
 * @param seconds that are billed
 * @param producers principals that send
 * @param consumers principals that receive
 */
export function queueKeyRequests(seconds: number, producers: number, consumers: number): number {
  return (seconds / DATA_KEY_SECONDS) * (2 * producers + consumers);
}

/**
 * Requests to KMS for encrypted tables: one for each principal and table that it uses all the time.
 *
 * @param seconds that are billed
 */
export function tableKeyRequests(seconds: number, pairs: number): number {
  return (seconds / DATA_KEY_SECONDS) * pairs;
}

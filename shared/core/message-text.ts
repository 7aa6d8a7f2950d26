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

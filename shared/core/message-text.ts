/** The characters that SQS and SNS do not take: those that XML 1.0 does not have. */
const UNSENDABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/**
 * JSON in characters that SQS and SNS take. It means the same: `JSON.stringify` leaves two characters as they are
 * that the services refuse, and here they are escaped.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function sendableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSENDABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text in characters that SQS and SNS take, with a question mark for every other one. */
export function sendableText(text: string): string {
  return text.replace(UNSENDABLE, "?");
}

import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { progress, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

/** SQS returns at most ten messages per call. */
const MOST = 10;

/** Receives messages until the queue is empty. */
async function* receiveAll(target: Target): AsyncGenerator<Message> {
  for (;;) {
    const { Messages = [] } = await target.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: target.deadLetterQueueUrl,
        MaxNumberOfMessages: MOST,
        MessageAttributeNames: ["reason", "ERROR_CODE", "ERROR_MESSAGE"],
        MessageSystemAttributeNames: ["SentTimestamp"],
        WaitTimeSeconds: 1,
      }),
    );
    if (Messages.length === 0) return;
    yield* Messages;
  }
}

/**
 * Returns why a message is in the queue. The subscriber sets the reason, or EventBridge if it couldn't deliver the
 * event. SQS itself sets none.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
function getReason(attributes: Message["MessageAttributes"] = {}): string {
  const { reason, ERROR_CODE, ERROR_MESSAGE } = attributes;
  if (reason?.StringValue !== undefined) return reason.StringValue;
  if (ERROR_CODE?.StringValue === undefined) {
    return "maximum receive count exceeded: see the subscriber's log";
  }
  const message = ERROR_MESSAGE?.StringValue ?? "no error message";
  return `EventBridge could not deliver it: ${ERROR_CODE.StringValue}: ${message}`;
}

/** `dead-letters list`: lists messages and why they failed, without removing them. */
export async function deadLettersList(target: Target): Promise<Report> {
  const messages: Message[] = [];
  for await (const message of receiveAll(target)) messages.push(message);
  for (const { ReceiptHandle } of messages) {
    await target.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: target.deadLetterQueueUrl,
        ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
  }
  const letters = messages.map(({ MessageId, Body, MessageAttributes }) => ({
    message_id: MessageId ?? "",
    reason: getReason(MessageAttributes),
    body: Body ?? "",
  }));
  const rows = letters.map(({ message_id, reason }) => [message_id, reason]);
  const text = tableOr("No dead letters found.", ["MESSAGE", "REASON"], rows);
  return { json: { dead_letters: letters }, text };
}

/** `dead-letters redrive`: sends each message to the subscriber again. No event is stored twice. */
export async function deadLettersRedrive(target: Target): Promise<Report> {
  // A message that fails again returns to the queue as a new message, so only messages that predate this run are sent.
  const startedMs = target.clock();
  let redriven = 0;
  for await (const { Attributes, Body, ReceiptHandle } of receiveAll(target)) {
    if (Number(Attributes?.SentTimestamp) >= startedMs) continue;
    await target.sqs.send(
      new SendMessageCommand({ QueueUrl: target.bufferQueueUrl, MessageBody: Body }),
    );
    await target.sqs.send(
      new DeleteMessageCommand({ QueueUrl: target.deadLetterQueueUrl, ReceiptHandle }),
    );
    redriven += 1;
    progress(`${redriven} redriven …`);
  }
  progress("");
  return { json: { redriven }, text: `${redriven} message(s) redriven.` };
}

export function registerDeadLetters(program: ReportCommand): void {
  const deadLetters = program
    .command("dead-letters")
    .description("inspect and redrive events that could not be stored");
  deadLetters
    .command("list")
    .description("list messages that could not be stored, with the reason")
    .runOnStack(deadLettersList);
  deadLetters
    .command("redrive")
    .description("send the messages to the subscriber again")
    .runOnStack(deadLettersRedrive);
}

import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { type CallLimits, inCalls } from "../core/call-batches.ts";
import { sendableJson } from "../core/message-text.ts";
import { IncompleteRequestError } from "../core/oauth-monitoring-error.ts";
import { sendAgain } from "../core/send-again.ts";
import type { SetAside } from "./event-publisher.ts";

/** SendMessageBatch takes ten messages and 256 KB together. */
const SEND_LIMITS: CallLimits<string> = {
  maxItems: 10,
  maxBytes: 240 * 1024,
  bytesOf: (body) => Buffer.byteLength(body),
};

export interface UnpublishedQueueOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/**
 * Sets events aside in an SQS queue, one message an event; the republisher brings them back to the bus.
 * SendMessageBatch can fail in part, which the SDK does not retry: each message that is refused is
 * sent again by itself.
 */
export function createUnpublishedQueue({ sqs, queueUrl }: UnpublishedQueueOptions): SetAside {
  /** Answers the messages that were refused, and why the first was. */
  async function sendOnce(bodies: readonly string[]): Promise<[string[], string]> {
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody })),
      }),
    );
    const refused = new Set(Failed.map(({ Id }) => Id));
    const reason = Failed[0]?.Message ?? Failed[0]?.Code ?? "";
    return [bodies.filter((_, index) => refused.has(String(index))), reason];
  }

  async function send(bodies: readonly string[]): Promise<void> {
    const [refused, reason] = await sendAgain(bodies, sendOnce);
    if (refused.length > 0) {
      throw new IncompleteRequestError(
        `the unpublished queue refused ${refused.length} message(s): ${reason}`,
      );
    }
  }

  return {
    async keep(events) {
      const bodies = events.map(sendableJson);
      for (const call of inCalls(bodies, SEND_LIMITS)) await send(call);
    },
  };
}

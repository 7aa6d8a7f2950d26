import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { type CallLimits, inCalls } from "./call-batches.ts";
import type { SetAside } from "./event-publisher.ts";

/** SendMessageBatch takes ten messages and 256 KB together. */
const SEND_LIMITS: CallLimits<string> = {
  maxItems: 10,
  maxBytes: 240 * 1024,
  bytesOf: (body) => Buffer.byteLength(body),
};

/** Sets events aside in an SQS queue, one message an event; the republisher brings them back to the bus. */
export function createUnpublishedQueue(sqs: SQSClient, queueUrl: string): SetAside {
  async function send(bodies: readonly string[]): Promise<void> {
    const answer = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody })),
      }),
    );
    const failed = answer.Failed?.[0];
    if (failed)
      throw new Error(`the unpublished queue refused a message: ${failed.Message ?? failed.Code}`);
  }

  return {
    async keep(events) {
      const bodies = events.map((event) => JSON.stringify(event));
      for (const call of inCalls(bodies, SEND_LIMITS)) await send(call);
    },
  };
}

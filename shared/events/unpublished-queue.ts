import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import {
  type CallLimits,
  giveUpAfter,
  retryRejected,
  sendableJson,
  splitIntoCalls,
} from "../core/aws-calls.ts";
import { IncompleteRequestError } from "../core/errors.ts";
import type { EventSpool } from "./event-publisher.ts";

/** SendMessageBatch accepts ten messages and 256 KB in total. */
const SEND_LIMITS: CallLimits<string> = {
  maxItems: 10,
  maxBytes: 240 * 1024,
  getByteLength: (body) => Buffer.byteLength(body),
};

export interface UnpublishedQueueOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/**
 * Spools events in an SQS queue, one message per event. The republisher sends them to the bus later. Retries
 * messages that SendMessageBatch rejects, which the SDK doesn't do.
 */
export function createUnpublishedQueue({ sqs, queueUrl }: UnpublishedQueueOptions): EventSpool {
  /** Returns the rejected messages, and why the first one was rejected. */
  async function sendOnce(bodies: readonly string[]): Promise<[string[], string]> {
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody })),
      }),
    );
    const rejected = new Set(Failed.map(({ Id }) => Id));
    const reason = Failed[0]?.Message ?? Failed[0]?.Code ?? "";
    return [bodies.filter((_, index) => rejected.has(String(index))), reason];
  }

  async function send(bodies: readonly string[]): Promise<void> {
    const [rejected, reason] = await retryRejected(bodies, sendOnce);
    if (rejected.length > 0) {
      throw new IncompleteRequestError(
        `the unpublished queue rejected ${rejected.length} message(s): ${reason}`,
      );
    }
  }

  return {
    async keep(events) {
      const bodies = events.map(sendableJson);
      for (const call of splitIntoCalls(bodies, SEND_LIMITS)) await send(call);
    },
  };
}

/** Opens the queue for a Lambda function. Endpoint, region and credentials come from the environment. */
export function openUnpublishedQueue(queueUrl: string): EventSpool {
  const sqs = new SQSClient({ maxAttempts: 2, requestHandler: giveUpAfter(1000) });
  return createUnpublishedQueue({ sqs, queueUrl });
}

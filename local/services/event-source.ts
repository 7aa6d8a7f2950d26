import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import type { AccessPolicies } from "./access-policies.ts";
import { TooManyRequests } from "./lambda-environment.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import type { Message, Queue } from "./queue.ts";
import { type Queues, queueNamed } from "./queues.ts";
import { logicalIdOfArn, REGION, type Template } from "./template.ts";

interface MappingProperties {
  readonly EventSourceArn: string;
  readonly FunctionName: string;
  readonly BatchSize: number;
  readonly MaximumBatchingWindowInSeconds?: number;
  readonly FunctionResponseTypes?: readonly string[];
  readonly ScalingConfig?: { readonly MaximumConcurrency: number };
}

/** Maximum number of pollers per mapping. The mapping's maximum concurrency can lower it. */
const POLLERS = 5;
const IDLE_WAIT_MS = 1000;

/** Backoff while a function is throttled. AWS does not publish its own values. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;

/** Permissions that a function needs on the queue that its mapping polls. */
const POLLS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/** Converts a message to the record that a function receives. */
export function toRecord(message: Message, eventSourceARN: string): SQSRecord {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAtMs),
      SenderId: "local",
      ApproximateFirstReceiveTimestamp: String(message.sentAtMs),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, { DataType, StringValue }]) => [
        name,
        { dataType: DataType, stringValue: StringValue ?? "" },
      ]),
    ),
    md5OfBody: createHash("md5").update(message.body).digest("hex"),
    eventSource: "aws:sqs",
    eventSourceARN,
    awsRegion: REGION,
  };
}

/** Deletes a batch's messages from the queue, except those that the function reports as failed. */
export function acknowledge(
  queue: Queue,
  messages: readonly Message[],
  { batchItemFailures }: SQSBatchResponse,
): void {
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { messageId, receiptHandle } of messages) {
    if (!failed.has(messageId)) queue.delete(receiptHandle);
  }
}

/** Polls a queue for a function, like a Lambda event source mapping. */
class EventSource {
  #stopped = false;

  constructor(
    private readonly queue: Queue,
    private readonly functions: LambdaFunctions,
    private readonly mapping: MappingProperties,
  ) {
    const pollers = Math.min(POLLERS, mapping.ScalingConfig?.MaximumConcurrency ?? POLLERS);
    for (let n = 0; n < pollers; n += 1) void this.#poll();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #poll(): Promise<void> {
    while (!this.#stopped) {
      await this.queue.waitForMessage(IDLE_WAIT_MS);
      if (this.#stopped || this.queue.visible === 0) continue;
      const messages = await this.#gather();
      if (messages.length > 0) await this.#invoke(messages);
    }
  }

  /** Receives messages until the batch is full or the batching window ends. */
  async #gather(): Promise<Message[]> {
    const { BatchSize, MaximumBatchingWindowInSeconds = 0 } = this.mapping;
    const messages = this.queue.receive(BatchSize);
    const end = Date.now() + MaximumBatchingWindowInSeconds * 1000;
    while (messages.length < BatchSize && Date.now() < end && !this.#stopped) {
      await sleep(Math.min(50, Math.max(1, end - Date.now())));
      messages.push(...this.queue.receive(BatchSize - messages.length));
    }
    return messages;
  }

  async #invoke(messages: readonly Message[]): Promise<void> {
    const { EventSourceArn, FunctionName, FunctionResponseTypes = [] } = this.mapping;
    const Records = messages.map((message) => toRecord(message, EventSourceArn));
    try {
      const answer = await this.#untilTaken(() => this.functions.invoke(FunctionName, { Records }));
      const reports = FunctionResponseTypes.includes("ReportBatchItemFailures");
      const partial = reports ? (answer as SQSBatchResponse | null) : null;
      acknowledge(this.queue, messages, partial ?? { batchItemFailures: [] });
    } catch {
      // The whole batch stays invisible until the visibility timeout ends, and is then delivered again.
    }
  }

  /** Retries while Lambda throttles the function, until the messages become visible again. */
  async #untilTaken(invoke: () => Promise<unknown>): Promise<unknown> {
    const endMs = Date.now() + this.queue.options.visibilityTimeoutMs;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await invoke();
      } catch (error) {
        const isLate = Date.now() + waitMs >= endMs || this.#stopped;
        if (!(error instanceof TooManyRequests) || isLate) throw error;
        await sleep(waitMs);
      }
    }
  }
}

/**
 * Starts the template's SQS event source mappings. Mappings use the permissions of their functions.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
 *
 * @returns a function that stops them
 * @throws Error when a function may not consume its queue, because CloudFormation could not create the mapping
 */
export function startEventSources(
  template: Template,
  queues: Queues,
  functions: LambdaFunctions,
  policies: AccessPolicies,
): () => void {
  const sources = template
    .resources<MappingProperties>("AWS::Lambda::EventSourceMapping")
    .map(({ properties }) => {
      const denial = policies.denial(
        logicalIdOfArn(properties.FunctionName),
        POLLS.map((action) => ({ action, resource: properties.EventSourceArn })),
      );
      if (denial !== undefined) throw new Error(denial);
      const queue = queueNamed(queues, logicalIdOfArn(properties.EventSourceArn));
      return new EventSource(queue, functions, properties);
    });
  return () => {
    for (const source of sources) source.stop();
  };
}

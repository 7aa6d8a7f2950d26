import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventBus, PutEventsEntry } from "./event-bus.ts";
import type { Notifications } from "./notifications.ts";
import type { MessageAttribute, Queue } from "./queue.ts";
import { type Queues, queueNamed } from "./queues.ts";

/** PutEvents takes ten entries a call. */
const MAX_ENTRIES = 10;

/** An error in the form that the SDK understands. */
class ServiceError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

type Input = Record<string, unknown>;
type Operation = (input: Input) => Promise<unknown> | unknown;

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

function eventBridge(bus: () => EventBus): Record<string, Operation> {
  return {
    "AWSEvents.PutEvents": async (input) => {
      const entries = (input.Entries ?? []) as PutEventsEntry[];
      const { delayMs, down } = bus();
      if (delayMs > 0) await sleep(delayMs);
      if (down) throw new ServiceError("InternalException", "the event bus is down", 500);
      if (entries.length < 1 || entries.length > MAX_ENTRIES) {
        throw new ServiceError(
          "ValidationException",
          `Entries must hold 1 to ${MAX_ENTRIES} entries`,
        );
      }
      const Entries = entries.map((entry) => bus().put(entry));
      const FailedEntryCount = Entries.filter((answer) => "ErrorCode" in answer).length;
      return { FailedEntryCount, Entries };
    },
  };
}

function sqs(queues: () => Queues): Record<string, Operation> {
  const queueOf = (input: Input): Queue => {
    const name =
      String(input.QueueUrl ?? "")
        .split("/")
        .at(-1) ?? "";
    if (!queues().has(name)) {
      throw new ServiceError("QueueDoesNotExist", `there is no queue ${String(input.QueueUrl)}`);
    }
    return queueNamed(queues(), name);
  };
  const send = (queue: Queue, input: Input) => {
    const body = String(input.MessageBody);
    const attributes = (input.MessageAttributes ?? {}) as Record<string, MessageAttribute>;
    return { MessageId: queue.send(body, attributes), MD5OfMessageBody: md5(body) };
  };
  return {
    "AmazonSQS.SendMessage": (input) => send(queueOf(input), input),
    "AmazonSQS.SendMessageBatch": (input) => ({
      Successful: (input.Entries as Input[]).map((entry) => ({
        Id: entry.Id,
        ...send(queueOf(input), entry),
      })),
      Failed: [],
    }),
    "AmazonSQS.ReceiveMessage": async (input) => {
      const queue = queueOf(input);
      await queue.waitForMessage(Number(input.WaitTimeSeconds ?? 0) * 1000);
      return {
        Messages: queue.receive(Number(input.MaxNumberOfMessages ?? 1)).map((message) => ({
          MessageId: message.messageId,
          ReceiptHandle: message.receiptHandle,
          Body: message.body,
          MD5OfBody: md5(message.body),
          MessageAttributes: message.attributes,
          Attributes: {
            ApproximateReceiveCount: String(message.receiveCount),
            SentTimestamp: String(message.sentAtMs),
          },
        })),
      };
    },
    "AmazonSQS.DeleteMessage": (input) => {
      queueOf(input).delete(String(input.ReceiptHandle));
      return {};
    },
    "AmazonSQS.ChangeMessageVisibility": (input) => {
      const afterMs = Number(input.VisibilityTimeout ?? 0) * 1000;
      queueOf(input).release(String(input.ReceiptHandle), afterMs);
      return {};
    },
    "AmazonSQS.GetQueueAttributes": (input) => {
      const queue = queueOf(input);
      return {
        Attributes: {
          ApproximateNumberOfMessages: String(queue.visible),
          ApproximateNumberOfMessagesNotVisible: String(queue.inFlight),
        },
      };
    },
  };
}

/** The body of a request or response, as text. */
export async function readText(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Speaks the SDK's JSON protocols of EventBridge and SQS, and SNS's query protocol. The bus and queues are asked for at each
 * call, since their URLs hold this server's port.
 */
export function createAwsEndpoint(
  bus: () => EventBus,
  queues: () => Queues,
  notifications: Notifications,
): Server {
  const operations = { ...eventBridge(bus), ...sqs(queues) };
  return createServer(async (request, response) => {
    const target = String(request.headers["x-amz-target"]);
    const answer = (status: number, body: unknown, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1", ...headers });
      response.end(JSON.stringify(body));
    };
    try {
      if (request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
        const form = new URLSearchParams(await readText(request));
        response.writeHead(200, { "Content-Type": "text/xml" });
        response.end(notifications.publish(form));
        return;
      }
      const operation = operations[target];
      if (!operation) throw new ServiceError("UnknownOperationException", `no operation ${target}`);
      answer(200, await operation(JSON.parse((await readText(request)) || "{}")));
    } catch (error) {
      const { code, status, message } =
        error instanceof ServiceError
          ? error
          : new ServiceError("InternalFailure", String(error), 500);
      answer(status, { __type: code, message }, { "x-amzn-errortype": code });
    }
  });
}

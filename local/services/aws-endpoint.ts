import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type AccessPolicies, parsePrincipal } from "./access-policies.ts";
import type { EventBus, PutEventsEntry } from "./event-bus.ts";
import { EventReplays, type StartReplayInput } from "./event-replays.ts";
import { findInputRejection, findMessageRejection } from "./input-rejection.ts";
import {
  type DecryptInput,
  type EncryptInput,
  type LocalKeys,
  type MacInput,
  NO_KEYS,
  type SignInput,
  type VerifyMacInput,
} from "./keys.ts";
import { errorXml, findPublishRejection, type Notifications } from "./notifications.ts";
import type { MessageAttribute, Queue } from "./queue.ts";
import { type Queues, queueNamed } from "./queues.ts";
import { requestedAccess, requestedNotification } from "./requested-access.ts";
import { ServiceError } from "./service-error.ts";

type Input = Record<string, unknown>;
type Operation = (input: Input) => Promise<unknown> | unknown;

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

function eventBridge(bus: () => EventBus): Record<string, Operation> {
  let eventReplays: EventReplays | undefined;
  const replays = () => {
    eventReplays ??= new EventReplays(bus());
    return eventReplays;
  };
  const enable = (input: Input, enabled: boolean) => {
    const name = String(input.Name);
    if (bus().setEnabled(name, enabled)) return {};
    throw new ServiceError("ResourceNotFoundException", `Rule ${name} does not exist.`);
  };
  return {
    "AWSEvents.EnableRule": (input) => enable(input, true),
    "AWSEvents.DisableRule": (input) => enable(input, false),
    "AWSEvents.StartReplay": (input) => replays().start(input as unknown as StartReplayInput),
    "AWSEvents.DescribeReplay": (input) => replays().describe(String(input.ReplayName)),
    "AWSEvents.PutEvents": async (input) => {
      const entries = (input.Entries ?? []) as PutEventsEntry[];
      const { delayMs, down } = bus();
      if (delayMs > 0) await sleep(delayMs);
      if (down) throw new ServiceError("InternalException", "the event bus is down", 500);
      const Entries = entries.map((entry) => bus().put(entry));
      const FailedEntryCount = Entries.filter((answer) => "ErrorCode" in answer).length;
      return { FailedEntryCount, Entries };
    },
  };
}

function sqs(queues: () => Queues): Record<string, Operation> {
  const getQueue = (input: Input): Queue => {
    const name =
      String(input.QueueUrl ?? "")
        .split("/")
        .at(-1) ?? "";
    if (!queues().has(name)) {
      throw new ServiceError(
        "QueueDoesNotExist",
        `the queue ${String(input.QueueUrl)} does not exist`,
      );
    }
    return queueNamed(queues(), name);
  };
  const send = (queue: Queue, input: Input) => {
    const body = String(input.MessageBody);
    const attributes = (input.MessageAttributes ?? {}) as Record<string, MessageAttribute>;
    return { MessageId: queue.send(body, attributes), MD5OfMessageBody: md5(body) };
  };
  return {
    "AmazonSQS.SendMessage": (input) => send(getQueue(input), input),
    "AmazonSQS.SendMessageBatch": (input) => {
      const judged = (input.Entries as Input[]).map((entry) => ({
        entry,
        rejection: findMessageRejection(entry),
      }));
      return {
        Successful: judged.flatMap(({ entry, rejection }) =>
          rejection ? [] : [{ Id: entry.Id, ...send(getQueue(input), entry) }],
        ),
        Failed: judged.flatMap(({ entry, rejection }) =>
          rejection
            ? [
                {
                  Id: entry.Id,
                  SenderFault: true,
                  Code: rejection.code,
                  Message: rejection.message,
                },
              ]
            : [],
        ),
      };
    },
    "AmazonSQS.ReceiveMessage": async (input) => {
      const queue = getQueue(input);
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
      getQueue(input).delete(String(input.ReceiptHandle));
      return {};
    },
    "AmazonSQS.ChangeMessageVisibility": (input) => {
      const afterMs = Number(input.VisibilityTimeout ?? 0) * 1000;
      getQueue(input).release(String(input.ReceiptHandle), afterMs);
      return {};
    },
    "AmazonSQS.ChangeMessageVisibilityBatch": (input) => {
      const queue = getQueue(input);
      const entries = input.Entries as Input[];
      for (const { ReceiptHandle, VisibilityTimeout = 0 } of entries) {
        queue.release(String(ReceiptHandle), Number(VisibilityTimeout) * 1000);
      }
      return { Successful: entries.map(({ Id }) => ({ Id })), Failed: [] };
    },
    "AmazonSQS.GetQueueAttributes": (input) => {
      const queue = getQueue(input);
      return {
        Attributes: {
          ApproximateNumberOfMessages: String(queue.visible),
          ApproximateNumberOfMessagesNotVisible: String(queue.inFlight),
        },
      };
    },
  };
}

/** Secrets by ARN. */
export type Secrets = ReadonlyMap<string, string>;

function secretsManager(secrets: Secrets): Record<string, Operation> {
  return {
    "secretsmanager.GetSecretValue": (input) => {
      const arn = String(input.SecretId);
      const SecretString = secrets.get(arn);
      if (SecretString !== undefined) return { ARN: arn, SecretString };
      throw new ServiceError("ResourceNotFoundException", "Secrets Manager can't find the secret.");
    },
  };
}

function kms(keys: () => LocalKeys): Record<string, Operation> {
  return {
    "TrentService.GetPublicKey": (input) => keys().publicKey(String(input.KeyId)),
    "TrentService.Sign": (input) => keys().sign(input as unknown as SignInput),
    "TrentService.Encrypt": (input) => keys().encrypt(input as unknown as EncryptInput),
    "TrentService.Decrypt": (input) => keys().decrypt(input as unknown as DecryptInput),
    "TrentService.GenerateMac": (input) => keys().generateMac(input as unknown as MacInput),
    "TrentService.VerifyMac": (input) => keys().verifyMac(input as unknown as VerifyMacInput),
  };
}

/** Path of Lambda's GetAccountSettings. */
const ACCOUNT_SETTINGS = "/2016-08-19/account-settings";

/** An AWS service's response to a call of its JSON protocol. */
interface AwsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Handles a call. `target` is the `X-Amz-Target` header, `body` the JSON body, and `principal` the calling function.
 */
export type AwsService = (target: string, body: string, principal?: string) => Promise<AwsAnswer>;

/**
 * Creates a service that handles EventBridge, SQS, Secrets Manager and KMS calls in the SDK's JSON protocols. The bus
 * and the queues are looked up for each call, because their URLs contain this server's port, which is not known yet.
 *
 * @param policies without it, every call is allowed
 */
export function createAwsService(
  bus: () => EventBus,
  queues: () => Queues,
  policies?: () => AccessPolicies,
  secrets: Secrets = new Map(),
  keys: () => LocalKeys = () => NO_KEYS,
): AwsService {
  const operations = {
    ...eventBridge(bus),
    ...sqs(queues),
    ...secretsManager(secrets),
    ...kms(keys),
  };
  const answer = (status: number, body: unknown, headers = {}): AwsAnswer => ({
    status,
    headers: { "content-type": "application/x-amz-json-1.1", ...headers },
    body: JSON.stringify(body),
  });
  return async (target, body, principal) => {
    try {
      const operation = operations[target];
      if (!operation)
        throw new ServiceError(
          "UnknownOperationException",
          `the local stack does not support the operation ${target}`,
        );
      const input: Input = JSON.parse(body || "{}");
      const rejection = findInputRejection(target, input);
      if (rejection) throw rejection;
      const denial = policies?.().denial(principal, requestedAccess(target, input));
      if (denial !== undefined) throw new ServiceError("AccessDeniedException", denial, 403);
      return answer(200, await operation(input));
    } catch (error) {
      const { code, status, message } =
        error instanceof ServiceError
          ? error
          : new ServiceError("InternalFailure", String(error), 500);
      return answer(status, { __type: code, message }, { "x-amzn-errortype": code });
    }
  };
}

/** Reads the body of a request or response as text. */
export async function readText(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Serves EventBridge, SQS, Secrets Manager, KMS and SNS's query protocol over HTTP. Denies calls that `policies` does
 * not allow. Also serves Lambda's GetAccountSettings.
 */
export function createAwsEndpoint(
  bus: () => EventBus,
  queues: () => Queues,
  notifications: Notifications,
  policies?: () => AccessPolicies,
  secrets?: Secrets,
  keys?: () => LocalKeys,
  accountSettings: () => object = () => ({}),
): Server {
  const service = createAwsService(bus, queues, policies, secrets, keys);
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const text = await readText(request);
    if (request.method === "GET" && request.url?.startsWith(ACCOUNT_SETTINGS)) {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(accountSettings()));
      return;
    }
    const principal = parsePrincipal(request.headers.authorization);
    if (request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
      const form = new URLSearchParams(text);
      if (form.get("Action") === "ListSubscriptionsByTopic") {
        response.writeHead(200, { "Content-Type": "text/xml" });
        response.end(notifications.listSubscriptions(form));
        return;
      }
      const denial = policies?.().denial(principal, requestedNotification(form));
      const error = denial
        ? new ServiceError("AuthorizationError", denial, 403)
        : findPublishRejection(form);
      response.writeHead(error?.status ?? 200, { "Content-Type": "text/xml" });
      response.end(error ? errorXml(error) : notifications.publish(form));
      return;
    }
    const target = String(request.headers["x-amz-target"]);
    const { status, headers, body } = await service(target, text, principal);
    response.writeHead(status, headers).end(body);
  };
  return createServer((request, response) => {
    // The caller was killed in the middle of its request.
    respond(request, response).catch(() => response.destroy());
  });
}

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  StartReplayCommand,
} from "@aws-sdk/client-eventbridge";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { topicNotifier } from "../../functions/anomalies/topic-notifier.ts";
import { sendDeadLetter } from "../../functions/subscriber/failed-messages.ts";
import { createAwsEndpoint } from "../../local/services/aws-endpoint.ts";
import type { EventBus, PutEventsEntry } from "../../local/services/event-bus.ts";
import { Notifications } from "../../local/services/notifications.ts";
import { Queue } from "../../local/services/queue.ts";
import { findInputErrors } from "../../local/services/service-model.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { hostileText } from "../hostile-values.ts";
import { sampleAlert } from "../sample-alert.ts";

const queue = new Queue({ name: "queue", visibilityTimeoutMs: 60_000 });
const notifications = new Notifications();
/** Entries that the bus accepted. The bus responds like the local EventBridge but doesn't deliver them. */
const accepted: PutEventsEntry[] = [];
const bus = {
  delayMs: 0,
  down: false,
  put: (entry: PutEventsEntry) => ({ EventId: String(accepted.push(entry)) }),
} as unknown as EventBus;

let server: Server;
let options: { endpoint: string; region: string; credentials: object; maxAttempts: number };
let queueUrl: string;

beforeAll(async () => {
  server = createAwsEndpoint(
    () => bus,
    () => new Map([["queue", queue]]),
    notifications,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  options = { endpoint, ...LOCAL_ACCESS, maxAttempts: 1 } as typeof options;
  queueUrl = `${endpoint}/000000000000/queue`;
});
afterAll(() => {
  queue.close();
  server.close();
});

/** Rejects calls whose input doesn't match the SDK's service model, including unknown members. */
function strictly<C extends { readonly middlewareStack: unknown }>(client: C): C {
  const stack = client.middlewareStack as {
    add(middleware: unknown, options: { step: "initialize" }): void;
  };
  stack.add(
    (next: (args: unknown) => unknown, context: { commandName: string }) =>
      (args: { input: unknown }) => {
        const errors = findInputErrors(context.commandName.replace(/Command$/, ""), args.input);
        if (errors.length > 0) throw new Error(JSON.stringify(errors));
        return next(args);
      },
    { step: "initialize" },
  );
  return client;
}

const sqs = () => new SQSClient(options as never);
const sns = () => new SNSClient(options as never);
const eventBridge = () => new EventBridgeClient(options as never);

/** Returns the error name of a rejected call. */
const rejection = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error: Error) => error.name,
  );

const entry = (more: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry => ({
  Source: "oauth.monitoring",
  DetailType: "oauth.token_used",
  Detail: "{}",
  ...more,
});

describe("local EventBridge", () => {
  const put = (Entries: unknown) =>
    rejection(eventBridge().send(new PutEventsCommand({ Entries } as never)));

  it.each<[string, unknown]>([
    ["no entries", undefined],
    ["an empty list of entries", []],
    ["eleven entries", Array.from({ length: 11 }, () => entry())],
    ["an empty bus name", [entry({ EventBusName: "" })]],
    ["a trace header that is too long", [entry({ TraceHeader: "x".repeat(501) })]],
    [
      "entries that are too large together",
      [1, 2].map(() => entry({ Detail: JSON.stringify({ x: "x".repeat(140_000) }) })),
    ],
  ])("rejects %s with ValidationException", async (_, entries) => {
    expect(await put(entries)).toBe("ValidationException");
  });

  it("rejects a replay with an invalid name or without its times", async () => {
    const input = {
      ReplayName: "replay-1",
      EventSourceArn: "arn:aws:events:us-east-1:000000000000:archive/a",
      EventStartTime: new Date(0),
      EventEndTime: new Date(1000),
      Destination: { Arn: "arn:aws:events:us-east-1:000000000000:event-bus/b" },
    };
    const start = (change: object) =>
      rejection(eventBridge().send(new StartReplayCommand({ ...input, ...change })));
    expect(await start({ ReplayName: "a b" })).toBe("ValidationException");
    expect(await start({ ReplayName: "x".repeat(65) })).toBe("ValidationException");
    expect(await start({ EventEndTime: undefined })).toBe("ValidationException");
  });

  it("names the invalid member in the same way as AWS", async () => {
    const call = eventBridge().send(
      new PutEventsCommand({ Entries: [entry(), entry({ EventBusName: "" })] }),
    );
    await expect(call).rejects.toThrow(
      "1 validation error detected: Value '' at 'entries.2.member.eventBusName' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  });
});

describe("local SQS", () => {
  const batch = (Entries: { Id: string; MessageBody: string }[]) =>
    rejection(sqs().send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries })));
  const numbered = (count: number, body = "x") =>
    Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: body }));

  it.each<[string, { Id: string; MessageBody: string }[], string]>([
    ["no entry", [], "EmptyBatchRequest"],
    ["eleven entries", numbered(11), "TooManyEntriesInBatchRequest"],
    ["two entries with the same ID", [...numbered(1), ...numbered(1)], "BatchEntryIdsNotDistinct"],
    ["an id with a space", [{ Id: "a b", MessageBody: "x" }], "InvalidBatchEntryId"],
    ["entries too large together", numbered(3, "x".repeat(400_000)), "BatchRequestTooLong"],
  ])("rejects %s with the same error as SQS", async (_, entries, error) => {
    expect(await batch(entries)).toBe(error);
  });

  it("rejects invalid characters in a single message and in a batch entry", async () => {
    const MessageBody = "a\uffff";
    expect(
      await rejection(sqs().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }))),
    ).toBe("InvalidMessageContents");
    const { Successful, Failed } = await sqs().send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: [...numbered(1), { Id: "bad", MessageBody }],
      }),
    );
    expect(Successful?.map(({ Id }) => Id)).toEqual(["0"]);
    expect(Failed).toMatchObject([
      { Id: "bad", SenderFault: true, Code: "InvalidMessageContents" },
    ]);
  });

  it("rejects an out-of-range number and a missing parameter", async () => {
    const receive = (input: object) =>
      rejection(sqs().send(new ReceiveMessageCommand({ QueueUrl: queueUrl, ...input })));
    expect(await receive({ MaxNumberOfMessages: 11 })).toBe("InvalidParameterValue");
    expect(await receive({ WaitTimeSeconds: 21 })).toBe("InvalidParameterValue");
    const change = (input: object) =>
      rejection(sqs().send(new ChangeMessageVisibilityCommand(input as never)));
    expect(
      await change({ QueueUrl: queueUrl, ReceiptHandle: "r", VisibilityTimeout: 43_201 }),
    ).toBe("InvalidParameterValue");
    expect(await change({ QueueUrl: queueUrl, VisibilityTimeout: 1 })).toBe("MissingParameter");
  });
});

describe("local SQS batch visibility", () => {
  it("changes visibility by receipt handle and rejects a batch without receipt handles", async () => {
    const send = (Entries: object[]) =>
      sqs().send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries } as never));
    await sqs().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: "returned" }));
    const { Messages = [] } = await sqs().send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    const entries = Messages.map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: 1,
    }));
    expect(entries.length).toBeGreaterThan(0);
    expect((await send(entries)).Successful?.map(({ Id }) => Id)).toEqual(
      entries.map(({ Id }) => Id),
    );
    expect(await rejection(send([{ Id: "0", VisibilityTimeout: 1 }]))).toBe("MissingParameter");
  });
});

describe("local SNS", () => {
  const TopicArn = "arn:aws:sns:us-east-1:000000000000:topic";

  it.each<[string, object]>([
    ["no topic", { Message: "x" }],
    ["an empty message", { TopicArn, Message: "" }],
    ["a subject that is too long", { TopicArn, Message: "x", Subject: "x".repeat(101) }],
    ["a subject with a line break", { TopicArn, Message: "x", Subject: "a\nb" }],
    ["a message that is too long", { TopicArn, Message: "x".repeat(262_145) }],
    ["a structure without a default", { TopicArn, Message: "{}", MessageStructure: "json" }],
  ])("rejects %s with InvalidParameter", async (_, input) => {
    expect(await rejection(sns().send(new PublishCommand(input as never)))).toBe(
      "InvalidParameterException",
    );
  });
});

describe("findInputErrors", () => {
  const errors = (call: string, input: unknown) =>
    findInputErrors(call, input).map(({ kind, path }) => `${kind} ${path}`);

  it.each<[string, string, unknown, string[]]>([
    ["a missing member", "SendMessage", { QueueUrl: "q" }, ["missing MessageBody"]],
    [
      "an unknown member",
      "SendMessage",
      { QueueUrl: "q", MessageBody: "b", Body: "b" },
      ["unknown Body"],
    ],
    [
      "a member of the wrong type",
      "ReceiveMessage",
      { QueueUrl: "q", WaitTimeSeconds: "1" },
      ["type WaitTimeSeconds"],
    ],
    ["a map instead of a list", "PutEvents", { Entries: {} }, ["type Entries"]],
    [
      "a nested error",
      "PutEvents",
      { Entries: [entry(), { Sources: "x" }] },
      ["unknown Entries.1.Sources"],
    ],
    [
      "an error in a map",
      "Publish",
      { Message: "m", MessageAttributes: { a: { StringValue: "v" } } },
      ["missing MessageAttributes.a.DataType"],
    ],
    [
      "no error for a valid request",
      "PutEvents",
      { Entries: [{ ...entry(), Time: new Date() }] },
      [],
    ],
  ])("reports %s", (_, call, input, found) => {
    expect(errors(call, input)).toEqual(found);
  });

  it("throws for a call that isn't in the list", () => {
    expect(() => findInputErrors("DeleteQueue", {})).toThrow("Add it");
  });
});

const logger = { info() {}, warn() {}, error() {}, debug() {} };

const event = (text: string): OAuthEvent =>
  createEvent(
    { eventType: "token_used", details: { endpoint: `/${text}`, user_agent: text } },
    Date.parse("2026-11-23T10:00:00.000Z"),
  );

describe("product calls with arbitrary content", () => {
  it("publish events to EventBridge", async () => {
    const publisher = createEventPublisher({
      eventBridge: strictly(eventBridge()),
      eventBusName: "bus",
      logger: logger as never,
      traceHeader: () => "Root=1-5759e988-bd862e3fe1be46a994272793",
    });
    accepted.length = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(hostileText, { minLength: 1, maxLength: 25 }), async (texts) => {
        await publisher.publish(texts.map(event));
      }),
      { numRuns: 20 },
    );
    await publisher.publish(Array.from({ length: 30 }, () => event("x".repeat(20_000))));
    expect(accepted.length).toBeGreaterThan(30);
  });

  it("spool events in SQS", async () => {
    const aside = createUnpublishedQueue({ sqs: strictly(sqs()), queueUrl });
    await fc.assert(
      fc.asyncProperty(fc.array(hostileText, { minLength: 1, maxLength: 25 }), async (texts) => {
        await aside.keep(texts.map(event));
      }),
      { numRuns: 20 },
    );
    const odd = event("\ufffe\uffff\ud83d\ude00");
    await aside.keep([odd, event("x".repeat(20_000))]);
    const bodies = queue.messages.map(({ body }) => body).filter((body) => body.startsWith("{"));
    expect(bodies.map((body) => JSON.parse(body))).toContainEqual(odd);
  });

  it("send dead letters with their reason", async () => {
    const client = strictly(sqs());
    for (const reason of ["\uffff\u0000\ud800", "x".repeat(10_000)]) {
      await sendDeadLetter(client, queueUrl, "{}", reason);
    }
    expect(queue.messages.some(({ attributes }) => "reason" in attributes)).toBe(true);
  });

  it("publish alerts to SNS", async () => {
    const notify = topicNotifier(strictly(sns()), "arn:aws:sns:us-east-1:000000000000:topic");
    const before = notifications.list.length;
    const alert = (id: string) =>
      sampleAlert({
        alert_id: `failure_burst#ip#${id}`,
        subject: { kind: "ip", id },
        message: id,
        evidence: { text: id, examples: [{ id }] },
      });
    const ids = ["203.0.113.9", "\n\u0001\uffff", "\ud83d\ude00", "x".repeat(5000)];
    for (const id of ids) await notify(alert(id));
    expect(notifications.list.length - before).toBe(ids.length);
  });
});

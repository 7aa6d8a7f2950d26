import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { APIGatewayRequestAuthorizerEvent, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { type Authorizer, decideCall } from "../../functions/authorizer/decide-call.ts";
import { republishBatch } from "../../functions/republisher/republish-batch.ts";
import type { FunctionMetrics } from "../../functions/runtime/metrics.ts";
import { storeBatch } from "../../functions/subscriber/store-batch.ts";
import { type AwsService, createAwsService } from "../../local/services/aws-endpoint.ts";
import { EventBus } from "../../local/services/event-bus.ts";
import { acknowledge, toRecord } from "../../local/services/event-source.ts";
import type { Message, Queue } from "../../local/services/queue.ts";
import { createQueues, type Queues, queueNamed } from "../../local/services/queues.ts";
import type { Template } from "../../local/services/template.ts";
import { CounterShardCount } from "../../shared/audit-log/counter-shard-count.ts";
import { RegistrationMemory } from "../../shared/audit-log/values-in-use.ts";
import { createDocumentClient, type TimeoutProfile } from "../../shared/core/document-client.ts";
import type { MetricService } from "../../shared/core/telemetry.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { type EventSink, PublishError } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createUnpublishedQueue } from "../../shared/events/unpublished-queue.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { type Fault, FaultyWire, storeHandler, withoutWaits } from "./faulty-wire.ts";
import type { World } from "./world.ts";

/** How the bus delivers a message to a queue: once, twice, or much later. */
export type Delivery = "once" | "twice" | "late";

/** A batch that a function takes from its queue. */
export interface BatchOptions {
  readonly size: number;
  /** Number of positions by which to rotate the order of the messages. */
  readonly turn: number;
  /** Whether the response to SQS is lost, so that every message is delivered again. */
  readonly redeliver: boolean;
}

const dynamodb = storeHandler();

/** The log line in which the publisher writes events that it could not spool. */
const LOST_LINE = /^Events could be neither/;

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly extra: readonly Record<string, unknown>[];
}

/** A process and its memory, which is lost when the process is killed. */
interface Process {
  readonly wire: FaultyWire;
  readonly registered: RegistrationMemory;
  readonly shardCount: CounterShardCount;
  readonly store: Pick<World["context"], "db"> & World["context"];
  readonly sqs: SQSClient;
  /** Spools events that the bus rejects. */
  readonly publisher: EventSink;
  /** Spools nothing, like the republisher's sink. */
  readonly bus: EventSink;
}

type Role = "authorizer" | "issuer" | "operator" | "republisher" | "subscriber";

const PATIENCE: Readonly<Record<Role, TimeoutProfile>> = {
  authorizer: "call",
  issuer: "interactive",
  operator: "interactive",
  republisher: "background",
  subscriber: "background",
};

/**
 * Runs an event's whole pipeline in one process, step by step. It uses the functions' own code, the unmodified SDK, the
 * local bus and queues, and DynamoDB Local. A faulty wire connects each simulated process to these services.
 */
export class Pipeline {
  readonly queues: Queues;
  readonly bus: EventBus;
  readonly buffer: Queue;
  readonly unpublished: Queue;
  /** Events in the order in which the publisher received them. */
  readonly offered = new Map<string, OAuthEvent>();
  /** IDs of confirmed events: published or spooled. */
  readonly accepted = new Set<string>();
  /** IDs of events that the publisher reported as lost. */
  readonly denied = new Set<string>();
  readonly log: LogLine[] = [];
  /** Sums of the functions' metrics. */
  readonly metrics = new Map<string, number>();
  /** Whether any process was killed. */
  killed = false;
  readonly #local: AwsService;
  readonly #processes = new Map<Role, Process>();
  readonly #late: (() => void)[] = [];
  #messages = 0;

  constructor(
    private readonly world: World,
    private readonly template: Template,
    deliveries: readonly Delivery[],
  ) {
    this.queues = createQueues(template);
    const [buffer, unpublished] = ["Buffer", "Unpublished"].map((part) => this.#queue(part));
    this.buffer = buffer as Queue;
    this.unpublished = unpublished as Queue;
    const target = (id: string) => ({
      send: (message: string) => {
        const queue = queueNamed(this.queues, id);
        const delivery = deliveries[this.#messages % deliveries.length] ?? "once";
        this.#messages += 1;
        if (delivery === "late") this.#late.push(() => queue.send(message));
        else queue.send(message);
        if (delivery === "twice") queue.send(message);
      },
    });
    this.bus = new EventBus(template, target, template.only("AWS::Events::EventBus").logicalId);
    this.#local = createAwsService(
      () => this.bus,
      () => this.queues,
    );
  }

  /** Returns the number of messages in the queues that only an operator reads. */
  get deadLetters(): number {
    return ["DeadLetters", "Unpublishable"].reduce(
      (sum, part) => sum + this.#queue(part).visible,
      0,
    );
  }

  /** Returns the events that can be recovered only from the log. */
  get logged(): OAuthEvent[] {
    return this.log
      .filter(({ level, message }) => level === "error" && LOST_LINE.test(message))
      .flatMap(({ extra }) => extra.flatMap(({ events }) => events as OAuthEvent[]));
  }

  /** Calls the API through the authorizer's handler and waits for the work after the response. */
  async call(event: APIGatewayRequestAuthorizerEvent, faults: readonly Fault[]) {
    const process = await this.#begin("authorizer", faults);
    const works: (() => Promise<void>)[] = [];
    const authorizer: Authorizer = {
      ...process.store,
      metrics: this.#metrics("authorizer", process.wire),
      isSampled: () => false,
      afterResponse: { run: async (work) => void works.push(work) },
    };
    const answer = await decideCall(authorizer, event).then(
      (result) =>
        ("policyDocument" in result && result.policyDocument.Statement[0]?.Effect) || "none",
      (error: Error) => error.message,
    );
    const { killed, struck } = process.wire;
    for (const work of works) await work().catch(() => {});
    this.#end("authorizer", process);
    return killed ? { answer: "none", struck } : { answer, struck };
  }

  /** Runs an issuer's or another producer's work with the library. Returns undefined if it failed. */
  async produce<T>(
    work: (context: World["context"]) => Promise<T>,
    faults: readonly Fault[],
    role: "issuer" | "operator" = "issuer",
  ): Promise<T | undefined> {
    const process = await this.#begin(role, faults);
    try {
      const result = await work(process.store);
      return process.wire.killed ? undefined : result;
    } catch {
      return undefined;
    } finally {
      this.#end(role, process);
    }
  }

  /** Runs one invocation of the republisher. */
  async republish(options: BatchOptions, faults: readonly Fault[]): Promise<void> {
    const process = await this.#begin("republisher", faults);
    const metrics = this.#metrics("republisher", process.wire);
    const { bus, store } = process;
    await this.#invoke(this.unpublished, options, process, (event) =>
      republishBatch({ bus, logger: store.logger, metrics }, event),
    );
    this.#end("republisher", process);
  }

  /** Runs one invocation of the subscriber. */
  async store(options: BatchOptions, faults: readonly Fault[]): Promise<void> {
    const process = await this.#begin("subscriber", faults);
    const { store, sqs, registered, shardCount } = process;
    await this.#invoke(this.buffer, options, process, (event) =>
      storeBatch(
        {
          store,
          registered,
          shardCount,
          openSink: async () => process.store.sink,
          sqs,
          bufferQueueUrl: this.#url("Buffer"),
          deadLetterQueueUrl: this.#url("DeadLetters"),
          clock: store.clock,
          logger: store.logger,
          metrics: this.#metrics("subscriber", process.wire),
        },
        event,
        Number.POSITIVE_INFINITY,
      ),
    );
    this.#end("subscriber", process);
  }

  /** Removes all errors, and runs the functions until both queues are empty. */
  async recover(): Promise<void> {
    for (const deliver of this.#late.splice(0)) deliver();
    const all = { size: 100, turn: 0, redeliver: false };
    while (this.unpublished.visible > 0) await this.republish({ ...all, size: 10 }, []);
    for (const deliver of this.#late.splice(0)) deliver();
    while (this.buffer.visible > 0) await this.store(all, []);
  }

  /** Replays the bus's archive. */
  replay(): void {
    for (const archive of this.bus.archives) {
      for (const event of archive.between(0, Number.POSITIVE_INFINITY)) {
        this.bus.deliver({ ...event, "replay-name": "again" });
      }
    }
  }

  close(): void {
    for (const queue of this.queues.values()) queue.close();
  }

  #queue(part: string): Queue {
    const [first, second] = [...this.queues].filter(([name]) => name.includes(part));
    if (!first || second) throw new Error(`exactly one queue must have ${part} in its name`);
    return first[1];
  }

  #url(part: string): string {
    return this.template.queueUrl(this.#queue(part).options.name);
  }

  async #invoke(
    queue: Queue,
    { size, turn, redeliver }: BatchOptions,
    { wire }: Process,
    handle: (event: SQSEvent) => Promise<SQSBatchResponse>,
  ): Promise<void> {
    const received = queue.receive(size);
    if (received.length === 0) return;
    const first = turn % received.length;
    const messages: Message[] = [...received.slice(first), ...received.slice(0, first)];
    try {
      const answer = await handle({ Records: messages.map((each) => toRecord(each, "arn")) });
      if (!wire.killed && !redeliver) acknowledge(queue, messages, answer);
    } catch {
      // The function failed, so SQS deletes nothing.
    }
    // Simulates the end of the visibility timeout for messages that were not deleted.
    for (const { receiptHandle } of messages) queue.release(receiptHandle);
  }

  async #begin(role: Role, faults: readonly Fault[]): Promise<Process> {
    const process = this.#processes.get(role) ?? (await this.#start(role));
    this.#processes.set(role, process);
    process.wire.begin(faults);
    return process;
  }

  #end(role: Role, { wire }: Process): void {
    if (!wire.killed) return;
    this.killed = true;
    this.#processes.delete(role);
  }

  async #start(role: Role): Promise<Process> {
    const wire = new FaultyWire();
    const { world } = this;
    const db = await withoutWaits(
      createDocumentClient(PATIENCE[role], {
        endpoint: world.endpoint,
        // Replaces the adaptive mode, which also waits before the first attempt. Both modes retry the same errors.
        retryMode: "standard",
        requestHandler: wire.toStore(dynamodb),
      }),
    );
    const access = { ...LOCAL_ACCESS, endpoint: "http://localhost" };
    const sqs = await withoutWaits(
      new SQSClient({
        ...access,
        maxAttempts: 2,
        requestHandler: wire.toLocal("queue", this.#local),
      }),
    );
    const eventBridge = new EventBridgeClient({
      ...access,
      maxAttempts: 1,
      requestHandler: wire.toLocal("bus", this.#local),
    });
    const logger = this.#logger(wire);
    const publish = { eventBridge, eventBusName: this.bus.name, logger };
    const spool = createUnpublishedQueue({
      sqs,
      queueUrl: this.#url("Unpublished"),
    });
    const publisher = this.#recorded(wire, createEventPublisher({ ...publish, spool }));
    return {
      wire,
      registered: new RegistrationMemory(),
      shardCount: new CounterShardCount(world.config.shards.counters.write),
      sqs,
      publisher,
      bus: createEventPublisher(publish),
      store: { ...world.context, db, logger, sink: publisher },
    };
  }

  /** Records the events that the publisher receives and the outcome that it reports. */
  #recorded(wire: FaultyWire, publisher: EventSink): EventSink {
    return {
      publish: async (events) => {
        for (const event of events) this.offered.set(event.id, event);
        const settle = (lost: readonly OAuthEvent[]) => {
          if (wire.killed) return;
          for (const { id } of lost) this.denied.add(id);
          for (const event of events) if (!lost.includes(event)) this.accepted.add(event.id);
        };
        try {
          await publisher.publish(events);
          settle([]);
        } catch (error) {
          if (error instanceof PublishError) settle(error.events);
          throw error;
        }
      },
    };
  }

  #logger(wire: FaultyWire): World["logger"] {
    const at =
      (level: string) =>
      (message: string, ...extra: Record<string, unknown>[]) => {
        if (!wire.killed) this.log.push({ level, message, extra });
      };
    return {
      lines: [],
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
    };
  }

  #metrics<S extends MetricService>(service: S, wire: FaultyWire): FunctionMetrics<S> {
    const add = (name: string, value: number) => {
      if (wire.killed) return;
      const key = `${service} ${name}`;
      this.metrics.set(key, (this.metrics.get(key) ?? 0) + value);
    };
    return { count: add, milliseconds: () => {}, publish: () => {}, publishSoon: () => {} };
  }
}

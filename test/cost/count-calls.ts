import { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { type Authorizer, decideCall } from "../../functions/authorizer/decide-call.ts";
import { storeBatch } from "../../functions/subscriber/store-batch.ts";
import { toRecord } from "../../local/services/event-source.ts";
import type { Template } from "../../local/services/template.ts";
import { CounterSpread } from "../../shared/audit-log/counter-spread.ts";
import { EnteredMemory } from "../../shared/audit-log/entered-memory.ts";
import { SECOND_MS } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { AUTHORIZER_MS, FUNCTION_GB, POLLERS } from "../../shared/cost/allowances.ts";
import { addedUp, type Usage } from "../../shared/cost/bill.ts";
import { usageOfBatch } from "../../shared/cost/estimate.ts";
import { type Gathered, gatherBatches } from "../../shared/cost/gather-batches.ts";
import { GB } from "../../shared/cost/metering.ts";
import { createEventPublisher } from "../../shared/events/event-publisher.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import type { World } from "../integration/world.ts";
import { authorizerEvent } from "./authorizer-event.ts";
import { meteredBus } from "./metered-bus.ts";
import { functionLog, meterLog, TRACE_HEADER } from "./metered-log.ts";
import { seedTokens } from "./seed-tokens.ts";
import { meterStore } from "./store-meter.ts";
import type { TrafficCall } from "./traffic-calls.ts";

/** The usage that a set of calls causes, as AWS meters it. */
export interface CallCount {
  readonly calls: number;
  readonly letIn: number;
  readonly batches: number;
  readonly usages: Usage[];
}

/**
 * Runs calls through the functions' handlers, the local bus and DynamoDB Local, at the traffic's own times, and counts
 * what AWS would meter. All calls run first. Then their events are stored in the batches that the queue would have
 * formed at those times.
 *
 * @param template the stack's template, for its bus, rules and archive
 * @param calls sorted by time
 * @param pollers number of pollers that gather messages in parallel
 */
export async function countCalls(
  world: World,
  template: Template,
  calls: readonly TrafficCall[],
  report: (line: string) => void = () => {},
  pollers = POLLERS,
): Promise<CallCount> {
  const reader = createDocumentClient("interactive", { endpoint: world.endpoint });
  await seedTokens(world, reader, calls);
  const meter = meterStore(world.db, reader, world.clock);
  const bus = meteredBus(template, world);
  process.env._X_AMZN_TRACE_ID = TRACE_HEADER;
  const usages: Usage[] = [];
  const perSecond = (SECOND_MS * calls.length) / busyMs(calls.map(({ atMs }) => atMs));
  try {
    const letIn = await decideCalls();
    report(`${calls.length} calls decided, ${bus.messages.length} messages`);
    const batches = await storeMessages();
    const all = [...usages, ...meter.usages, ...bus.usages];
    return { calls: calls.length, letIn, batches, usages: addedUp(all) };
  } finally {
    meter.stop();
    delete process.env._X_AMZN_TRACE_ID;
  }

  async function decideCalls(): Promise<number> {
    const { logger, metrics } = functionLog("authorizer", world.clock);
    const sink = createEventPublisher({ ...bus, logger, traceHeader: () => TRACE_HEADER });
    const works: (() => Promise<void>)[] = [];
    const authorizer: Authorizer = {
      ...world.context,
      logger,
      metrics,
      sink,
      isSampled: () => false,
      afterResponse: { run: async (work) => void works.push(work) },
    };
    let letIn = 0;
    const { bytes } = await meterLog(async () => {
      for (const call of calls) {
        world.time.nowMs = call.atMs;
        meter.calls = {};
        bus.puts = 0;
        const answer = await decideCall(authorizer, authorizerEvent(call)).catch(() => undefined);
        const policy = answer && "policyDocument" in answer ? answer.policyDocument : undefined;
        if (policy?.Statement[0]?.Effect === "Allow") letIn += 1;
        for (const work of works.splice(0)) await work();
        const requests = Object.values(meter.calls).reduce((sum, count) => sum + count, 0);
        // The deny list's position is read in parallel with the token.
        const trips = Math.max(1, requests - 1);
        const { decision, publish, cpu } = AUTHORIZER_MS;
        const ms = trips * decision + bus.puts * publish + cpu;
        usages.push(
          { part: "API Gateway", price: "apigateway.request", quantity: 1 },
          { part: "authorizer", price: "lambda.request", quantity: 1 },
          {
            part: "authorizer",
            price: "lambda.duration",
            quantity: (ms / SECOND_MS) * FUNCTION_GB,
          },
        );
      }
      metrics.publish();
    });
    usages.push({ part: "logs", price: "cloudwatch.logs", quantity: bytes / GB });
    return letIn;
  }

  async function storeMessages(): Promise<number> {
    const { batchSize, batchWindowSeconds } = world.config.subscriber;
    const batches = gatherBatches(bus.messages, ({ sentAtMs }) => sentAtMs, {
      batchSize,
      windowMs: batchWindowSeconds * SECOND_MS,
      pollers,
    });
    const { logger, metrics } = functionLog("subscriber", world.clock);
    const entered = new EnteredMemory();
    const subscriber = {
      store: world.context,
      entered,
      spread: new CounterSpread(world.config.shards.counters.write),
      openSink: async () => world.context.sink,
      sqs: new SQSClient({ ...LOCAL_ACCESS, endpoint: "http://localhost" }),
      bufferQueueUrl: "http://localhost/buffer",
      deadLetterQueueUrl: "http://localhost/dead-letters",
      clock: world.clock,
      logger,
      metrics,
    };
    const store = async ({ items, atMs }: Gathered<(typeof bus.messages)[number]>) => {
      world.time.nowMs = atMs;
      meter.calls = {};
      const event: SQSEvent = { Records: items.map((message) => toRecord(message, "arn")) };
      const { bytes, result } = await meterLog(() =>
        storeBatch(subscriber, event, Number.POSITIVE_INFINITY),
      );
      if (result.batchItemFailures.length > 0) throw new Error("an event was not stored");
      const { TransactWrite = 0, TransactWriteItems = TransactWrite, ...others } = meter.calls;
      const lanes = world.config.shards.counters.write;
      const batch = {
        events: items.length,
        transactions: Math.ceil(TransactWriteItems / lanes),
        roundTrips: Object.values(others).length,
      };
      usages.push(
        // Log usage is counted below.
        ...usageOfBatch(batch, perSecond, pollers).filter(({ part }) => part !== "logs"),
        {
          part: "logs",
          price: "cloudwatch.logs",
          quantity: bytes / GB,
        },
      );
    };
    for (const [index, batch] of batches.entries()) {
      await store(batch);
      if (index % 500 === 499) report(`${index + 1} of ${batches.length} batches stored`);
    }
    return batches.length;
  }
}

/** Returns the time that calls take, without pauses of more than a minute. */
function busyMs(atMs: readonly number[]): number {
  const gaps = atMs.slice(1).map((at, index) => at - (atMs[index] ?? at));
  return Math.max(
    1,
    gaps.filter((gap) => gap < 60 * SECOND_MS).reduce((sum, gap) => sum + gap, 0),
  );
}

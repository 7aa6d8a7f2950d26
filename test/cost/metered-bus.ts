import { randomUUID } from "node:crypto";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { createAwsService } from "../../local/services/aws-endpoint.ts";
import { EventBus } from "../../local/services/event-bus.ts";
import type { Message } from "../../local/services/queue.ts";
import type { Template } from "../../local/services/template.ts";
import type { Usage } from "../../shared/cost/bill.ts";
import { chunks, DAYS_A_MONTH, GB } from "../../shared/cost/metering.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { FaultyWire } from "../integration/faulty-wire.ts";
import type { World } from "../integration/world.ts";

/** EventBridge counts 14 bytes for an entry's time. */
const TIME_BYTES = 14;

/** The local bus and the messages that it sends to the queue, metered. */
export interface MeteredBus {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /** Messages that the rule sent to the buffer queue, in order. */
  readonly messages: Message[];
  readonly usages: Usage[];
  /** Number of PutEvents calls. */
  puts: number;
}

/** Creates the template's bus with its rules and its archive, for the unmodified SDK. */
export function meteredBus(
  template: Template,
  { config, clock }: Pick<World["context"], "config" | "clock">,
): MeteredBus {
  const usages: Usage[] = [];
  const messages: Message[] = [];
  const { enabled: archived, retentionDays } = config.archive;
  const send = (body: string) => {
    const bytes = Buffer.byteLength(body);
    usages.push({ part: "queue", price: "sqs.request", quantity: chunks(bytes) });
    if (archived) {
      // The archive stores what the bus sends to the rule.
      const gb = bytes / GB;
      usages.push(
        { part: "archive", price: "eventbridge.archive", quantity: gb },
        {
          part: "archive",
          price: "eventbridge.archive-storage",
          quantity: (gb * retentionDays) / DAYS_A_MONTH,
        },
      );
    }
    const messageId = randomUUID();
    messages.push({
      messageId,
      body,
      attributes: {},
      sentAtMs: clock(),
      receiveCount: 1,
      receiptHandle: messageId,
    });
  };
  const busId = template.only("AWS::Events::EventBus").logicalId;
  const bus = new EventBus(template, () => ({ send }), busId);
  bus.onEntry = ({ Source = "", DetailType = "", Detail = "" }) => {
    const bytes = TIME_BYTES + Buffer.byteLength(Source + DetailType + Detail);
    usages.push({ part: "event bus", price: "eventbridge.event", quantity: chunks(bytes) });
  };
  const service = createAwsService(
    () => bus,
    () => new Map(),
  );
  const metered: MeteredBus = {
    eventBridge: new EventBridgeClient({
      ...LOCAL_ACCESS,
      endpoint: "http://localhost",
      maxAttempts: 1,
      requestHandler: new FaultyWire().toLocal("bus", async (...call) => {
        metered.puts += 1;
        return service(...call);
      }),
    }),
    eventBusName: bus.name,
    messages,
    usages,
    puts: 0,
  };
  return metered;
}

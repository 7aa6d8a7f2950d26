import { randomUUID } from "node:crypto";

/** An attribute of an SQS message. */
export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
}

/** A message in a queue. */
export interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly sentAtMs: number;
  receiveCount: number;
  receiptHandle: string;
}

interface QueueOptions {
  readonly name: string;
  readonly visibilityTimeoutMs: number;
  readonly redrive?: { readonly target: () => Queue; readonly maxReceiveCount: number } | undefined;
}

/** Makes a queue deliver out of order and more than once, as a standard queue may. */
interface QueueDisorder {
  /** Returns a number in [0, 1) that decides which message comes next and whether it is delivered twice. */
  fraction(): number;
  /** Share of deliveries after which the message is delivered again. */
  readonly duplicateShare: number;
}

/**
 * A standard SQS queue in memory. A received message is invisible for the visibility timeout. A message that is not
 * deleted by then is delivered again, and moves to the dead-letter queue after the maximum number of receives.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
 */
export class Queue {
  readonly #visible: Message[] = [];
  readonly #inFlight = new Map<string, { message: Message; timer: NodeJS.Timeout }>();
  #arrival: (() => void)[] = [];
  #closed = false;
  /** Set by tests. If set, `send` throws this error. */
  rejection: Error | undefined;
  /** By default, messages are delivered once and in order. */
  disorder: QueueDisorder | undefined;

  constructor(readonly options: QueueOptions) {}

  get visible(): number {
    return this.#visible.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** All messages, including those in flight. */
  get messages(): readonly Message[] {
    return [...[...this.#inFlight.values()].map(({ message }) => message), ...this.#visible];
  }

  /** @throws the queue's `rejection` */
  send(body: string, attributes: Message["attributes"] = {}): string {
    if (this.rejection) throw this.rejection;
    const messageId = randomUUID();
    this.#push({
      messageId,
      body,
      attributes,
      sentAtMs: Date.now(),
      receiveCount: 0,
      receiptHandle: "",
    });
    return messageId;
  }

  receive(limit: number): Message[] {
    const received: Message[] = [];
    while (received.length < limit) {
      const message = this.#next();
      if (!message) break;
      const { redrive, visibilityTimeoutMs } = this.options;
      if (redrive && message.receiveCount >= redrive.maxReceiveCount) {
        redrive.target().#push({ ...message, receiveCount: 0 });
        continue;
      }
      message.receiveCount += 1;
      message.receiptHandle = randomUUID();
      const timer = setTimeout(() => this.release(message.receiptHandle), visibilityTimeoutMs);
      timer.unref();
      this.#inFlight.set(message.receiptHandle, { message, timer });
      received.push(message);
    }
    return received;
  }

  #next(): Message | undefined {
    const { disorder } = this;
    if (!disorder) return this.#visible.shift();
    const index = Math.floor(disorder.fraction() * this.#visible.length);
    const [message] = this.#visible.splice(index, 1);
    if (message && disorder.fraction() < disorder.duplicateShare) this.#push({ ...message });
    return message;
  }

  delete(receiptHandle: string): void {
    clearTimeout(this.#inFlight.get(receiptHandle)?.timer);
    this.#inFlight.delete(receiptHandle);
  }

  /** Makes a received message visible again, immediately or after a delay. */
  release(receiptHandle: string, afterMs = 0): void {
    const delivery = this.#inFlight.get(receiptHandle);
    if (!delivery) return;
    clearTimeout(delivery.timer);
    if (afterMs > 0) {
      delivery.timer = setTimeout(() => this.release(receiptHandle), afterMs).unref();
      return;
    }
    this.#inFlight.delete(receiptHandle);
    this.#push(delivery.message);
  }

  /** Resolves when a message may be available, or after `waitMs`. */
  async waitForMessage(waitMs: number): Promise<void> {
    if (this.visible > 0 || this.#closed || waitMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#arrival.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#inFlight.values()) clearTimeout(timer);
    this.#wake();
  }

  #push(message: Message): void {
    this.#visible.push(message);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#arrival;
    this.#arrival = [];
    for (const wake of waiting) wake();
  }
}

/** How Lambda collects a queue's messages for an invocation. */
export interface Gathering {
  readonly batchSize: number;
  readonly windowMs: number;
  /** Concurrent pollers, each of which fills its own batch. AWS starts with five. */
  readonly pollers: number;
}

/** A batch, and when the function is invoked with it, in epoch milliseconds. */
export interface Gathered<T> {
  readonly items: readonly T[];
  readonly atMs: number;
}

/**
 * Splits messages into batches. A batch window opens with the first message. The batch ends when it is full or when the
 * window closes. Messages go to the pollers in turn.
 *
 * @param atMsOf returns when a message arrives, in epoch milliseconds; messages must be sorted by arrival time
 */
export function gatherBatches<T>(
  messages: readonly T[],
  atMsOf: (message: T) => number,
  { batchSize, windowMs, pollers }: Gathering,
): Gathered<T>[] {
  const open: { items: T[]; endMs: number }[] = Array.from({ length: pollers }, () => {
    return { items: [], endMs: 0 };
  });
  const gathered: Gathered<T>[] = [];
  const close = (poller: (typeof open)[number], atMs: number) => {
    gathered.push({ items: poller.items, atMs });
    poller.items = [];
  };
  for (const [index, message] of messages.entries()) {
    const atMs = atMsOf(message);
    for (const poller of open) {
      if (poller.items.length > 0 && poller.endMs <= atMs) close(poller, poller.endMs);
    }
    const poller = open[index % pollers] as (typeof open)[number];
    if (poller.items.length === 0) poller.endMs = atMs + windowMs;
    poller.items.push(message);
    if (poller.items.length >= batchSize) close(poller, atMs);
  }
  for (const poller of open) if (poller.items.length > 0) close(poller, poller.endMs);
  return gathered.sort((a, b) => a.atMs - b.atMs);
}

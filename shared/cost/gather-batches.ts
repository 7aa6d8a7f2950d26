/** How Lambda collects a queue's messages for an invocation. */
export interface Gathering {
  readonly batchSize: number;
  readonly windowMs: number;
  /** Concurrent pollers, each with its own batch. AWS starts with five. */
  readonly pollers: number;
}

/** A batch, and the time of its invocation in epoch milliseconds. */
export interface Gathered<T> {
  readonly items: readonly T[];
  readonly atMs: number;
}

/**
 * Splits messages into batches. A batch ends when it is full, or when its window closes, which opens with its first
 * message. Messages are assigned to pollers in turn.
 *
 * @param atMsOf returns a message's arrival time in epoch milliseconds; messages must be sorted by it
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

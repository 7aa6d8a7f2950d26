/** How Lambda gathers a queue's messages for one invocation. */
export interface Gathering {
  readonly batchSize: number;
  readonly windowMs: number;
  /** Pollers that gather side by side, each a batch of its own; AWS begins with five. */
  readonly pollers: number;
}

/** A batch and when it is handed over, epoch milliseconds. */
export interface Gathered<T> {
  readonly items: readonly T[];
  readonly atMs: number;
}

/**
 * The batches that come of messages: a batch is full, or its window is over, which begins with its first
 * message. A poller begins anew with the next message; which poller a message finds is up to its place.
 *
 * @param atMsOf when a message arrives, epoch milliseconds; messages come in the order of it
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

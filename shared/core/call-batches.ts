/** Limits for one call to a batch API. */
export interface CallLimits<T> {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly bytesOf: (item: T) => number;
}

/** Splits items into batches that stay within the limits. An item larger than `maxBytes` gets a separate batch. */
export function inCalls<T>(items: readonly T[], limits: CallLimits<T>): T[][] {
  const calls: T[][] = [];
  let call: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = limits.bytesOf(item);
    if (call.length === limits.maxItems || (call.length > 0 && bytes + size > limits.maxBytes)) {
      calls.push(call);
      call = [];
      bytes = 0;
    }
    call.push(item);
    bytes += size;
  }
  if (call.length > 0) calls.push(call);
  return calls;
}

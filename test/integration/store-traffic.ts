import type { DocumentClient } from "../../shared/core/document-client.ts";

/** One request to the store before it is sent. */
export interface StoreCall {
  /** `GetItem`, `TransactWriteItems`, … */
  readonly operation: string;
  /** Number of earlier calls with the same operation. */
  readonly index: number;
}

/** Traffic to the store since the last `reset`, as the store itself counts it. */
export interface StoreTraffic {
  roundTrips: number;
  readUnits: number;
  writeUnits: number;
  /** If set, makes calls fail: returns an error to throw instead of sending the call, or after the call succeeded. */
  fault: ((call: StoreCall) => { error: Error; afterwards?: boolean } | undefined) | undefined;
  reset(): void;
}

interface Capacity {
  readonly ReadCapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
  readonly CapacityUnits?: number;
}

const READS = new Set(["GetItem", "BatchGetItem", "Query"]);

/** Returns the SDK's error for a throttled request. */
export function throttled(): Error {
  return Object.assign(new Error("throttled"), { name: "ThrottlingException", $fault: "client" });
}

/** Counts every call that a client makes, and makes calls fail on demand. */
export function watchStore(db: DocumentClient): StoreTraffic {
  const counts = new Map<string, number>();
  const traffic: StoreTraffic = {
    roundTrips: 0,
    readUnits: 0,
    writeUnits: 0,
    fault: undefined,
    reset() {
      Object.assign(traffic, { roundTrips: 0, readUnits: 0, writeUnits: 0, fault: undefined });
      counts.clear();
    },
  };
  db.middlewareStack.add(
    (next, context) => async (args) => {
      const operation = String(context.commandName).replace(/Command$/, "");
      const index = counts.get(operation) ?? 0;
      counts.set(operation, index + 1);
      const failure = traffic.fault?.({ operation, index });
      // Looks like the SDK's error for a call that was sent.
      if (failure) Object.assign(failure.error, { $metadata: { attempts: 1 } });
      if (failure && !failure.afterwards) throw failure.error;
      const input = { ...(args.input as object), ReturnConsumedCapacity: "TOTAL" };
      const result = await next({ ...args, input });
      traffic.roundTrips += 1;
      const consumed = (result.output as { ConsumedCapacity?: Capacity | Capacity[] })
        .ConsumedCapacity;
      for (const capacity of [consumed ?? []].flat()) {
        const units = capacity.CapacityUnits ?? 0;
        if (READS.has(operation)) traffic.readUnits += units;
        else traffic.writeUnits += units;
      }
      if (failure) throw failure.error;
      return result;
    },
    { step: "initialize", name: "watchStore", priority: "low" },
  );
  return traffic;
}

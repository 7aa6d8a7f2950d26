import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** An event bus that accepts everything after a delay. */
export interface DelayedBus {
  readonly endpoint: string;
  /** Delay before PutEvents responds, in milliseconds. */
  delayMs: number;
  /** Number of accepted entries. */
  entries: number;
  close(): Promise<void>;
}

/** Serves PutEvents on 127.0.0.1. */
export async function startDelayedBus(): Promise<DelayedBus> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { Entries } = JSON.parse(body) as { Entries: readonly unknown[] };
    if (bus.delayMs > 0) await sleep(bus.delayMs);
    bus.entries += Entries.length;
    response.writeHead(200, { "Content-Type": "application/x-amz-json-1.1" });
    const answers = Entries.map((_, index) => ({ EventId: String(bus.entries + index) }));
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries: answers }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bus: DelayedBus = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs: 0,
    entries: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return bus;
}

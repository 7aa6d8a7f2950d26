import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that counts bytes. */
export interface CountingProxy {
  readonly endpoint: string;
  /** Bytes from the client since the last `reset`, including HTTP headers. */
  sent: number;
  /** Bytes to the client since the last `reset`. */
  received: number;
  reset(): void;
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 that forwards to an endpoint and counts the bytes in both directions. */
export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => {
      proxy.sent += chunk.length;
    });
    upstream.on("data", (chunk) => {
      proxy.received += chunk.length;
    });
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: CountingProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: 0,
    received: 0,
    reset: () => Object.assign(proxy, { sent: 0, received: 0 }),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

import { connect, type Socket } from "node:net";

/** An HTTP request, exactly as sent over the wire. */
export interface RawRequest {
  readonly method: string;
  /** Request target. Each character is one byte. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Timeout for a complete response, in milliseconds. */
const PATIENCE_MS = 5000;

/** Returns the index after a complete response, or undefined if it is incomplete. */
function findEnd(text: string, isHead: boolean, hasClosed: boolean): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const fields = text.slice(0, head).toLowerCase();
  const start = head + 4;
  const status = Number(text.slice(9, 12));
  if (isHead || status === 204 || status === 304) return start;
  const [, length] = /\r\ncontent-length: *(\d+)/.exec(fields) ?? [];
  if (length !== undefined) {
    return text.length >= start + Number(length) ? start + Number(length) : undefined;
  }
  if (fields.includes("transfer-encoding: chunked")) {
    const last = text.indexOf("0\r\n\r\n", start);
    return last < 0 ? undefined : last + 5;
  }
  return hasClosed ? text.length : undefined;
}

/**
 * Sends requests one after another over one open socket. Unlike an HTTP client, it does not normalize request targets.
 */
export class RawClient {
  #socket: Socket | undefined;

  constructor(private readonly port: number) {}

  /** Returns the status, or 0 if the server closed the connection without a response. */
  send({ method, target, headers }: RawRequest): Promise<number> {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket ??= connect(this.port, "127.0.0.1");
    const socket = this.#socket;
    return new Promise((resolve) => {
      let text = "";
      const finish = (status: number, keep: boolean) => {
        clearTimeout(timer);
        socket.removeAllListeners();
        if (!keep) {
          socket.on("error", () => {});
          socket.destroy();
          this.#socket = undefined;
        }
        resolve(status);
      };
      const check = (hasClosed: boolean) => {
        const end = findEnd(text, method === "HEAD", hasClosed);
        const status = Number(text.slice(9, 12)) || 0;
        if (end === undefined) return hasClosed ? finish(status, false) : undefined;
        // A server can read a malformed request line as two requests.
        const keep = !hasClosed && end === text.length && !/\r\nconnection: close/i.test(text);
        return finish(status, keep);
      };
      const timer = setTimeout(() => finish(0, false), PATIENCE_MS);
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        check(false);
      });
      socket.on("close", () => check(true));
      socket.on("error", () => check(true));
      socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${fields.join("")}\r\n`, "latin1"));
    });
  }

  close(): void {
    this.#socket?.destroy();
  }
}

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { SECOND_MS, systemClock } from "../../shared/core/clock.ts";

/**
 * Returns the caller's IP address. As in API Gateway, this is the address of the connection. If forwarded addresses are
 * trusted, it is the last address in `X-Forwarded-For` instead, so that one machine can simulate several callers.
 */
export function sourceIp(request: IncomingMessage, trustForwardedFor: boolean): string {
  const connected = request.socket.remoteAddress ?? "127.0.0.1";
  if (!trustForwardedFor) return connected;
  const forwarded = String(request.headers["x-forwarded-for"] ?? "");
  return forwarded.split(",").at(-1)?.trim() || connected;
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

/**
 * Returns the header of a new sampled trace, as API Gateway and Lambda send it when tracing is on.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function newTraceHeader(): string {
  const seconds = Math.floor(systemClock() / SECOND_MS).toString(16);
  return `Root=1-${seconds}-${hex(12)};Parent=${hex(8)};Sampled=1`;
}

/**
 * Response headers that API Gateway renames. AWS documents this for REST APIs; we have seen HTTP APIs and function URLs
 * rename `WWW-Authenticate` in the same way.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
const RENAMED = new Set([
  "authorization",
  "connection",
  "content-md5",
  "date",
  "max-forwards",
  "server",
  "user-agent",
  "www-authenticate",
]);

const DROPPED = new Set([
  "expect",
  "host",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);

/** Renames and drops headers in a function's response, as a gateway does. Load balancers change no headers. */
export function renameHeaders<Value>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const lowerCase = name.toLowerCase();
      if (DROPPED.has(lowerCase)) return [];
      return [[RENAMED.has(lowerCase) ? `x-amzn-Remapped-${name}` : name, value]];
    }),
  );
}

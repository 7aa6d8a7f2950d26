import type { IncomingMessage } from "node:http";

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

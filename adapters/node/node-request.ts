import { randomUUID, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { callerFields, type FieldValues } from "../events/caller-fields.ts";
import { clientAddress, UNKNOWN_ADDRESS } from "../events/client-address.ts";
import { certificateOfHeader } from "../events/client-certificate.ts";
import { traceId } from "../events/invocation.ts";

/** What stands in front of a server. */
export interface InFrontOfServer {
  /** How many proxies, each of which adds an address to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** The origin that callers use. */
  readonly publicOrigin: string | undefined;
  /** The header in which the last proxy puts the caller's certificate. */
  readonly clientCertificateHeader: string | undefined;
}

const pathOf = (target: string) => target.split("?", 1)[0] ?? "";

function toProtectedRequest(
  method: string,
  target: string,
  fields: FieldValues,
  connected: string,
  front: InFrontOfServer,
): ProtectedRequest {
  const path = pathOf(target);
  const certificate =
    front.clientCertificateHeader === undefined
      ? undefined
      : certificateOfHeader(fields(front.clientCertificateHeader.toLowerCase()));
  return {
    method,
    path,
    ...callerFields(fields),
    ip: clientAddress(connected, fields, front),
    requestId: randomUUID(),
    traceId: front.trustedProxies > 0 ? traceId(fields("x-amzn-trace-id")[0]) : undefined,
    ...(front.publicOrigin === undefined ? {} : { url: front.publicOrigin + path }),
    ...(certificate === undefined ? {} : { clientCertificate: certificate }),
  };
}

/** The certificate of the caller's own connection, where the server ends TLS itself. */
function connectedCertificate({ socket }: IncomingMessage): string | undefined {
  const raw = (socket as Partial<TLSSocket>).getPeerCertificate?.()?.raw;
  return raw && new X509Certificate(raw).toString();
}

/**
 * A request as a framework may have changed it. Express moves the path of a mounted router from `url` to `baseUrl`, and
 * keeps the whole target in `originalUrl`.
 */
export type ServerRequest = IncomingMessage & {
  readonly originalUrl?: string | undefined;
  readonly baseUrl?: string | undefined;
  /** Set by a body parser. */
  body?: unknown;
};

/** Returns the path that Express routes by, if code before the middleware has changed `url`; otherwise undefined. */
function rewrittenPath({ originalUrl, baseUrl, url = "" }: ServerRequest): string | undefined {
  if (originalUrl === undefined || baseUrl === undefined) return undefined;
  const path = baseUrl + pathOf(url);
  const received = pathOf(originalUrl);
  // The router in which a middleware is mounted adds a slash to a path that ends there.
  return path === received || path === `${received}/` ? undefined : path;
}

/** Reads the call from a request of Node's HTTP server. */
export function fromNodeRequest(request: ServerRequest, front: InFrontOfServer): ProtectedRequest {
  const { method = "GET", originalUrl, url = "/", headersDistinct, socket } = request;
  const fields: FieldValues = (name) => headersDistinct[name] ?? [];
  const read = toProtectedRequest(
    method,
    originalUrl ?? url,
    fields,
    socket.remoteAddress ?? UNKNOWN_ADDRESS,
    front,
  );
  const certificate = read.clientCertificate ?? connectedCertificate(request);
  const rewritten = rewrittenPath(request);
  return {
    ...read,
    ...(rewritten !== undefined && { routed: { paths: [rewritten, read.path] } }),
    ...(certificate !== undefined && { clientCertificate: certificate }),
  };
}

/**
 * Reads the call from a request of the fetch standard, which joins the values of a header by commas.
 *
 * @param connected the address of the connection
 */
export function fromFetchRequest(
  { method, url, headers }: Request,
  connected: string,
  front: InFrontOfServer,
): ProtectedRequest {
  const fields: FieldValues = (name) => {
    const value = headers.get(name);
    return value === null ? [] : [value];
  };
  return toProtectedRequest(method, targetOf(url), fields, connected, front);
}

/** The path and query of an absolute URL, as they stand. */
function targetOf(url: string): string {
  const [, target = ""] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(url) ?? [];
  return target.startsWith("/") ? target : `/${target}`;
}

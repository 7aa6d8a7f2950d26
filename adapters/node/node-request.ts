import { randomUUID, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { clientAddress, UNKNOWN_ADDRESS } from "../events/client-address.ts";
import { callerFields, certificateOfHeader, type FieldValues } from "../events/header-fields.ts";
import { traceId } from "../events/invocation.ts";
import { NO_JSON, parseRpcBody } from "../http/rpc-call.ts";

/** Settings for the proxies in front of a server. */
export interface ProxySettings {
  /** Number of proxies. Each proxy appends an address to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** The origin that clients use. */
  readonly publicOrigin: string | undefined;
  /** The header in which the last proxy passes the client certificate. */
  readonly clientCertificateHeader: string | undefined;
}

const getPath = (target: string) => target.split("?", 1)[0] ?? "";

function toProtectedRequest(
  method: string,
  target: string,
  fields: FieldValues,
  connected: string,
  proxySettings: ProxySettings,
): ProtectedRequest {
  const path = getPath(target);
  const certificate =
    proxySettings.clientCertificateHeader === undefined
      ? undefined
      : certificateOfHeader(fields(proxySettings.clientCertificateHeader.toLowerCase()));
  return {
    method,
    path,
    ...callerFields(fields),
    ip: clientAddress(connected, fields, proxySettings),
    requestId: randomUUID(),
    traceId: proxySettings.trustedProxies > 0 ? traceId(fields("x-amzn-trace-id")[0]) : undefined,
    ...(proxySettings.publicOrigin === undefined ? {} : { url: proxySettings.publicOrigin + path }),
    ...(certificate === undefined ? {} : { clientCertificate: certificate }),
  };
}

/** Returns the client certificate of the connection, if the server terminates TLS itself. */
function connectedCertificate({ socket }: IncomingMessage): string | undefined {
  const raw = (socket as Partial<TLSSocket>).getPeerCertificate?.()?.raw;
  return raw && new X509Certificate(raw).toString();
}

/**
 * A request that a framework may have modified. Express moves the path of a mounted router from `url` to `baseUrl`,
 * and keeps the full target in `originalUrl`.
 */
export type ServerRequest = IncomingMessage & {
  readonly originalUrl?: string | undefined;
  readonly baseUrl?: string | undefined;
  /** Set by a body parser. */
  body?: unknown;
};

/** Returns the path that Express routes by, if earlier code has changed `url`; otherwise undefined. */
function rewrittenPath({ originalUrl, baseUrl, url = "" }: ServerRequest): string | undefined {
  if (originalUrl === undefined || baseUrl === undefined) return undefined;
  const path = baseUrl + getPath(url);
  const received = getPath(originalUrl);
  // Express adds a slash to `url` if the path ends at the router's mount path.
  return path === received || path === `${received}/` ? undefined : path;
}

/** Converts a request of Node's HTTP server. */
export function fromNodeRequest(
  request: ServerRequest,
  proxySettings: ProxySettings,
): ProtectedRequest {
  const { method = "GET", originalUrl, url = "/", headersDistinct, socket } = request;
  const fields: FieldValues = (name) => headersDistinct[name] ?? [];
  const read = toProtectedRequest(
    method,
    originalUrl ?? url,
    fields,
    socket.remoteAddress ?? UNKNOWN_ADDRESS,
    proxySettings,
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
 * Converts a Fetch API request, which joins a header's values with commas.
 *
 * @param connected address of the TCP connection
 */
export function fromFetchRequest(
  { method, url, headers }: Request,
  connected: string,
  proxySettings: ProxySettings,
): ProtectedRequest {
  const fields: FieldValues = (name) => {
    const value = headers.get(name);
    return value === null ? [] : [value];
  };
  return toProtectedRequest(method, toTarget(url), fields, connected, proxySettings);
}

/** Returns the path and query of an absolute URL without normalizing them. */
function toTarget(url: string): string {
  const [, target = ""] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(url) ?? [];
  return target.startsWith("/") ? target : `/${target}`;
}

/** Maximum size of a JSON-RPC body in bytes. Larger bodies can't be checked. */
const MAX_RPC_BYTES = 4 * 1024 * 1024;

/**
 * Parses a stream as JSON. Returns undefined for an empty stream, and `NO_JSON` for one that is too long, incomplete or
 * not JSON.
 */
async function parseStream(chunks: AsyncIterable<Uint8Array>): Promise<unknown> {
  const received: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > MAX_RPC_BYTES) return NO_JSON;
      received.push(chunk);
    }
  } catch {
    return NO_JSON;
  }
  return parseRpcBody(Buffer.concat(received).toString("utf8"));
}

/**
 * Returns the JSON-RPC body of a Node.js request. A stream can be read only once, so an unparsed body is stored in
 * `request.body`, as body parsers do.
 */
export async function rpcOfNodeRequest(request: ServerRequest): Promise<unknown> {
  if (request.body !== undefined) return request.body;
  const body = await parseStream(request);
  if (body !== undefined && body !== NO_JSON) request.body = body;
  return body;
}

/** Returns the JSON-RPC body of a Fetch API request. Reads a clone, so that the application can still read the body. */
export async function rpcOfFetchRequest(request: Request): Promise<unknown> {
  const { body } = request.clone();
  return body === null ? undefined : parseStream(body);
}

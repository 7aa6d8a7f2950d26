import type { EventData } from "../events/event-data.ts";
import {
  cutText,
  percentDecoded,
  redactDecoded,
  withoutPrefixed,
  withoutTokens,
} from "../events/redact-text.ts";
import type { TokenRequest } from "../tokens/token-use.ts";
import type { RoutedPath } from "./request-path.ts";

/** Why a call's body is rejected. */
export type BodyFailure = "malformed_body" | "oversized_batch";

/** The result of reading a call's body. */
export type CallBody =
  | {
      readonly status: "read";
      /** Scopes that the call needs in addition to its route's scopes, such as those for an MCP tool. */
      readonly scopes: readonly string[];
      /** Event details, such as the MCP tool. */
      readonly details: EventData;
    }
  | { readonly status: "rejected"; readonly reason: BodyFailure };

/** Reads the body of a call. Never throws because of caller input. */
export type BodyReader = () => Promise<CallBody>;

/** A call to a protected route, as the gateway received it. */
export interface ProtectedRequest {
  readonly method: string;
  /** The path without the query string, which may contain secrets. */
  readonly path: string;
  /** All `Authorization` header fields. */
  readonly authorization: readonly string[];
  /** The `Mcp-Session-Id` header, if sent. */
  readonly sessionSecret?: string | undefined;
  readonly ip: string;
  readonly userAgent?: string | undefined;
  /** The gateway's request ID. It links the access log, the event and the response. */
  readonly requestId: string;
  /** The call's X-Ray trace ID, if any. */
  readonly traceId?: string | undefined;
  /**
   * The path that the gateway or server uses for routing, if it differs from `path`.
   *
   * @default - `path`. The code behind the adapter does its own routing.
   */
  readonly routed?: RoutedPath | undefined;
  /** Extra event details from the adapter, such as the GraphQL operation. */
  readonly details?: EventData | undefined;
  /**
   * Reads the body if the decision depends on it. Called only for active tokens that aren't blocked, so other callers
   * can't make the server read or parse a body.
   */
  readonly readBody?: BodyReader | undefined;
  /** The request URL without query and fragment, as a DPoP proof names it in `htu` (RFC 9449, section 4.2). */
  readonly url?: string | undefined;
  /** All `DPoP` header fields. */
  readonly dpopProofs?: readonly string[] | undefined;
  /** The client certificate of the caller's TLS connection in PEM format, as passed on by the gateway (RFC 8705). */
  readonly clientCertificate?: string | undefined;
}

/** Maximum bytes for each caller-supplied text in an event. API Gateway accepts up to 10 KB of headers. */
const MAX_TEXT_BYTES = 1024;

/**
 * Lower limit for calls without valid credentials: anyone can make such calls, and each KB in an event costs a write
 * unit.
 */
const MAX_ANONYMOUS_TEXT_BYTES = 256;

/** Maximum bytes for an HTTP method. No registered method is longer. */
const MAX_METHOD_BYTES = 32;

/** Maximum bytes for a request ID from the gateway or the caller. */
const MAX_ID_BYTES = 64;

/** Minimum length of a text that is searched for and removed, and of such a text in an `Authorization` header. */
const SHORTEST_SECRET = 8;
const SHORTEST_HEADER_SECRET = 16;

/** Removes secrets from every text in an adapter's details, including texts in lists. */
function cleanDetails(details: EventData, clean: (text: string) => string): EventData {
  const cleaned = (value: unknown): unknown =>
    typeof value === "string" ? clean(value) : Array.isArray(value) ? value.map(cleaned) : value;
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, cleaned(value)]));
}

/**
 * Builds the event details for a call. Removes secrets everywhere, including the path and the headers.
 *
 * @param secret the call's token, if one was found
 * @param prefixes token prefixes that other issuers use
 * @param isKnown whether the caller's token is active. If not, the texts are cut much shorter.
 */
export function describeRequest(
  request: ProtectedRequest,
  {
    secret,
    prefixes,
    isKnown,
  }: {
    readonly secret: string | undefined;
    readonly prefixes: readonly string[];
    readonly isKnown: boolean;
  },
): EventData {
  const headerParts = request.authorization.flatMap((field) => field.split(/\s+/));
  const hidden = [
    secret,
    ...headerParts.filter((part) => part.length >= SHORTEST_HEADER_SECRET),
    request.sessionSecret,
  ]
    .flatMap((each) => (each === undefined ? [] : [each, percentDecoded(each)]))
    .filter((each) => each.length >= SHORTEST_SECRET);
  const hide = (text: string) =>
    withoutPrefixed(
      hidden.reduce((rest, each) => rest.replaceAll(each, "[secret]"), text),
      prefixes,
    );
  const maxBytes = isKnown ? MAX_TEXT_BYTES : MAX_ANONYMOUS_TEXT_BYTES;
  const clean = (text: string) => cutText(withoutTokens(redactDecoded(text, hide)), maxBytes);
  const described: TokenRequest = {
    endpoint: clean(request.path),
    method: cutText(clean(request.method), MAX_METHOD_BYTES),
    ip: request.ip,
    ...(request.userAgent === undefined ? {} : { user_agent: clean(request.userAgent) }),
  };
  return {
    ...cleanDetails(request.details ?? {}, clean),
    ...described,
    request_id: cutText(request.requestId, MAX_ID_BYTES),
    ...(request.traceId === undefined ? {} : { trace_id: cutText(request.traceId, MAX_ID_BYTES) }),
  };
}

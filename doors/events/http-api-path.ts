import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";

/** The path of a call of an HTTP API, encoded as the caller sent it. */
export type HttpApiPath = Pick<ProtectedRequest, "path" | "otherPath">;

/** Encodes what no path may contain, so that decoding gives the text again. */
export function encodePath(decoded: string): string {
  return encodeURI(decoded.replace(/\p{Cs}/gu, "\uFFFD")).replace(/[?#]/g, encodeURIComponent);
}

/**
 * The path without the stage, which API Gateway puts before it unless the stage is `$default`. A route that
 * begins with the stage's own name keeps it.
 */
function withoutStage(path: string, stage: string, routePath: string): string {
  const prefix = `/${stage}`;
  const begins = (text: string) => text === prefix || text.startsWith(`${prefix}/`);
  if (stage === "$default" || !begins(path)) return path;
  const rest = path.slice(prefix.length) || "/";
  return begins(routePath) && !begins(rest) ? path : rest;
}

/** A text in which percent-encoding is left. */
const ENCODED = /%[0-9a-f]{2}/i;

/**
 * The path of a call as a decision reads it. An HTTP API decodes the path that it hands over, so it is encoded
 * again here. What looks encoded even so is read both ways, so that no encoding evades a route's scopes.
 *
 * @param rawPath as the event has it
 * @param routePath of the route that API Gateway chose, such as `/orders/{id}`, or `$default`
 */
export function httpApiPath(rawPath: string, stage: string, routePath = "$default"): HttpApiPath {
  const path = withoutStage(rawPath, stage, routePath);
  return { path: encodePath(path), ...(ENCODED.test(path) ? { otherPath: path } : {}) };
}

import { pathOfRoute, type RoutedPath } from "../../shared/authorization/request-path.ts";

/** Encodes characters that are invalid in a path. Decoding the result returns the input. */
export function encodePath(decoded: string): string {
  return encodeURI(decoded.replace(/\p{Cs}/gu, "\uFFFD")).replace(/[?#]/g, encodeURIComponent);
}

/**
 * Removes the stage, which an HTTP API prepends to the path unless the stage is `$default`. Keeps the stage if the
 * route itself starts with the same name.
 */
function withoutStage({ path, stage, route }: GatewayCall): string {
  const prefix = `/${stage}`;
  const isStaged = (text: string) => text === prefix || text.startsWith(`${prefix}/`);
  if (stage === "$default" || !isStaged(path)) return path;
  const rest = path.slice(prefix.length) || "/";
  return isStaged(route ?? "") && !isStaged(rest) ? path : rest;
}

/** The route and path in an API Gateway event. */
export interface GatewayCall {
  /** The route that API Gateway matched, such as `/orders/{id}`. `$default` and undefined mean no specific route. */
  readonly route: string | null | undefined;
  readonly parameters: Readonly<Record<string, string | null | undefined>> | null | undefined;
  /** The full path, including the stage of an HTTP API and the base path of a custom domain. */
  readonly path: string;
  /** The stage of an HTTP API. Use `$default` for a REST API, whose path has no stage. */
  readonly stage: string;
  readonly domainName?: string | null | undefined;
}

/**
 * Returns the path of a call, and the path that the REST API or HTTP API matched against its routes. The matched path
 * excludes the stage and a custom domain's base path. Without a specific route, the path on a custom domain may still
 * start with the base path (`mayHaveBasePath`).
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function gatewayPaths(call: GatewayCall): {
  readonly path: string;
  readonly routed: RoutedPath;
} {
  const { route, parameters, domainName } = call;
  const path = withoutStage(call);
  // Payload format 1.0 writes `/$default`.
  if (route?.startsWith("/") && route !== "/$default") {
    return { path, routed: pathOfRoute(route, parameters, path.endsWith("/")) };
  }
  const isCustomDomain = !/\.execute-api\./.test(domainName ?? "");
  const paths = isCustomDomain ? [...new Set([path, call.path])] : [path];
  return { path, routed: { paths, mayHaveBasePath: isCustomDomain } };
}

import type { MonitoringConfig, RouteRule } from "../config/monitoring-config.ts";

/** What a call needs. */
export interface RequiredAccess {
  readonly scopes: readonly string[];
  readonly session: RouteRule["session"];
  /** One of these the token's `acr` must be (RFC 9470). */
  readonly acrValues?: RouteRule["acrValues"];
  /** Seconds since the user signed in, at most (RFC 9470). */
  readonly maxAgeSeconds?: RouteRule["maxAgeSeconds"];
}

/** The scope of the admin routes that read. The configuration cannot change it. */
export const ADMIN_SCOPE = "oauth:admin";

/** The scope of the admin routes that act: revoke, block, approve, release, review. */
export const RESPOND_SCOPE = "oauth:respond";

const adminRule = (method: RouteRule["method"], scope: string): RouteRule => ({
  method,
  path: "/admin/oauth/{proxy+}",
  scopes: [scope],
  session: "ignored",
});

/** Whatever does not read acts. */
const ADMIN_RULES = [
  adminRule("GET", ADMIN_SCOPE),
  adminRule("HEAD", ADMIN_SCOPE),
  adminRule("ANY", RESPOND_SCOPE),
];

/** Whether an API Gateway path pattern covers a normalized path. */
function covers(pattern: string, path: string): boolean {
  const wanted = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  const greedy = wanted.at(-1)?.endsWith("+}") ?? false;
  if (greedy ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => segment.startsWith("{") || segment === given[index]);
}

/**
 * What a call to `path` needs. The first matching rule decides. Without one, a call needs the default scopes
 * for reading (GET, HEAD) or writing (every other method).
 *
 * @param path normalized, see `normalizePath`
 */
export function requiredAccess(
  config: Pick<MonitoringConfig, "routes" | "defaultScopes">,
  method: string,
  path: string,
): RequiredAccess {
  const rule = [...ADMIN_RULES, ...config.routes].find(
    (candidate) =>
      (candidate.method === "ANY" || candidate.method === method) && covers(candidate.path, path),
  );
  if (rule) return rule;
  const reads = method === "GET" || method === "HEAD";
  return {
    scopes: reads ? config.defaultScopes.read : config.defaultScopes.write,
    session: "ignored",
  };
}

/**
 * The pattern of the first rule that covers a path, such as `/orders/{id}`; undefined where no rule does. There are as
 * many patterns as rules, however many paths callers think of.
 *
 * @param path normalized, see `normalizePath`
 */
export function routePattern(
  config: Pick<MonitoringConfig, "routes">,
  path: string,
): string | undefined {
  return [...ADMIN_RULES, ...config.routes].find((rule) => covers(rule.path, path))?.path;
}

/** What a call needs that must satisfy all of these: every scope once, and a session if one asks for it. */
export function allOf(accesses: readonly RequiredAccess[]): RequiredAccess {
  const [only, ...others] = accesses;
  if (only && others.length === 0) return only;
  return {
    scopes: [...new Set(accesses.flatMap(({ scopes }) => scopes))],
    session: accesses.some(({ session }) => session === "required") ? "required" : "ignored",
  };
}

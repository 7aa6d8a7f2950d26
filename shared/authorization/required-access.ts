import type { MonitoringConfig, RouteRule } from "../config/monitoring-config.ts";
import { UNROUTED } from "../events/oauth-event.ts";
import { type PathError, type PathReading, type RoutedPath, readPath } from "./request-path.ts";

/** The requirements from one route rule or from the defaults. */
type RuleAccess = Pick<RouteRule, "scopes" | "session" | "acrValues" | "maxAgeSeconds">;

/** The combined requirements from all rules that apply to a call. */
export interface RequiredAccess {
  readonly scopes: readonly string[];
  readonly session: RouteRule["session"];
  /** Lists of authentication context classes. The token's `acr` must be in each list (RFC 9470). */
  readonly acrValues: readonly (readonly string[])[];
  /** Maximum age of the user's authentication in seconds (RFC 9470). */
  readonly maxAgeSeconds?: number | undefined;
}

/** The scope for reading from admin routes. The configuration can't change it. */
export const ADMIN_SCOPE = "oauth:admin";

/** The scope for changes through admin routes: revoke, block, approve, release, review. */
export const RESPOND_SCOPE = "oauth:respond";

const adminRule = (method: RouteRule["method"], scope: string): RouteRule => ({
  method,
  path: "/admin/oauth/{proxy+}",
  scopes: [scope],
  session: "ignored",
});

/** Every method except GET and HEAD needs `oauth:respond`. */
const ADMIN_RULES = [
  adminRule("GET", ADMIN_SCOPE),
  adminRule("HEAD", ADMIN_SCOPE),
  adminRule("ANY", RESPOND_SCOPE),
];

/** A rule with its path pattern split into segments. */
interface CompiledRule {
  readonly rule: RouteRule;
  readonly wanted: readonly string[];
  readonly isGreedy: boolean;
}

/** Compiled rules by the routes of a configuration, because every call checks them. */
const COMPILED = new WeakMap<readonly RouteRule[], readonly CompiledRule[]>();

/** Returns the built-in rules and the configured rules, in order. */
function compileRules({ routes }: Pick<MonitoringConfig, "routes">): readonly CompiledRule[] {
  const known = COMPILED.get(routes);
  if (known) return known;
  const compiled = [...ADMIN_RULES, ...routes].map((rule) => {
    const wanted = rule.path.split("/").filter(Boolean);
    return { rule, wanted, isGreedy: wanted.at(-1)?.endsWith("+}") ?? false };
  });
  COMPILED.set(routes, compiled);
  return compiled;
}

/** Whether a rule's path pattern matches the segments of a path. */
function covers(
  { wanted, isGreedy }: CompiledRule,
  segments: readonly string[],
  ignoreCase: boolean,
): boolean {
  if (isGreedy ? segments.length < wanted.length : segments.length !== wanted.length) return false;
  const fold = (text: string | undefined) => (ignoreCase ? text?.toLowerCase() : text);
  return wanted.every(
    (segment, index) => segment.startsWith("{") || fold(segment) === fold(segments[index]),
  );
}

/** Returns the first rule that matches a path. */
type FindRule = (segments: readonly string[], ignoreCase: boolean) => RouteRule | undefined;

/** Maximum number of segments in a base path. An API mapping key has at most 300 characters. */
const MAX_BASE_PATH_SEGMENTS = 150;

/** Rule lookups for one method: all rules, or only those whose path ends in `{name+}`. */
interface RuleFinder {
  readonly any: FindRule;
  readonly greedy: FindRule;
}

function findRules(config: Pick<MonitoringConfig, "routes">, method: string): RuleFinder {
  const rules = compileRules(config).filter(
    ({ rule }) => rule.method === "ANY" || rule.method === method,
  );
  const finder =
    (candidates: readonly CompiledRule[]): FindRule =>
    (segments, ignoreCase) =>
      candidates.find((each) => covers(each, segments, ignoreCase))?.rule;
  return { any: finder(rules), greedy: finder(rules.filter(({ isGreedy }) => isGreedy)) };
}

/**
 * Returns the rules for every route that could serve one reading of a path. Matches both case-sensitively and
 * case-insensitively, and with and without a trailing slash: Hono serves `/files` from the route `/files/*`. Express
 * and Fastify serve `/files/` from that route, and Fastify 4 also from `/files/:id`.
 */
function rulesOfReading(
  { segments, hasTrailingSlash }: PathReading,
  { isExact, mayHaveBasePath }: RoutedPath,
  { any, greedy }: RuleFinder,
): { readonly asSent: RouteRule | undefined; readonly others: readonly RouteRule[] } {
  const inCase = (ignoreCase: boolean) => {
    const rule = any(segments, ignoreCase);
    if (isExact) return [rule];
    if (hasTrailingSlash) return [rule, any([...segments, ""], ignoreCase)];
    return [rule, rule ? undefined : greedy([...segments, ""], ignoreCase)];
  };
  const [asSent, ...others] = [...inCase(false), ...inCase(true)];
  const behindBasePath = mayHaveBasePath
    ? segments
        .slice(0, MAX_BASE_PATH_SEGMENTS)
        .map((_, index) => any(segments.slice(index + 1), true))
    : [];
  return { asSent, others: [...others, ...behindBasePath].filter((rule) => rule !== undefined) };
}

/**
 * Returns the access that a call needs. For each plausible reading of its path, the first matching rule applies.
 * Without a match, the default scopes apply: `read` for GET and HEAD, `write` for every other method. Rules for GET
 * also apply to HEAD, because servers answer HEAD with the GET route. If the readings match different rules, the call
 * must meet all of those rules.
 */
export function requiredAccess(
  config: Pick<MonitoringConfig, "routes" | "defaultScopes" | "allowInPaths">,
  method: string,
  routed: RoutedPath,
): RequiredAccess | PathError {
  const methods = method === "HEAD" ? ["HEAD", "GET"] : [method];
  const { read, write } = config.defaultScopes;
  const scopes = methods.includes("GET") ? read : write;
  const finders = methods.map((each) => findRules(config, each));
  const needed = new Set<RuleAccess>();
  const defaultAccess: RuleAccess = { scopes, session: "ignored" };
  for (const path of routed.paths) {
    const readings = readPath(path, routed, config.allowInPaths);
    if (typeof readings === "string") return readings;
    for (const reading of readings) {
      const found = finders.map((find) => rulesOfReading(reading, routed, find));
      const asSent = found.flatMap((each) => each.asSent ?? []);
      const others = found.flatMap((each) => each.others);
      for (const rule of asSent.length > 0 ? asSent : [defaultAccess]) needed.add(rule);
      for (const rule of others) needed.add(rule);
    }
  }
  return mergeRules([...needed]);
}

/** Combines rules that must all be met. */
function mergeRules(rules: readonly RuleAccess[]): RequiredAccess {
  const ages = rules.flatMap(({ maxAgeSeconds }) => maxAgeSeconds ?? []);
  return {
    scopes: [...new Set(rules.flatMap(({ scopes }) => scopes))],
    session: rules.some(({ session }) => session === "required") ? "required" : "ignored",
    acrValues: rules.flatMap(({ acrValues }) => (acrValues ? [acrValues] : [])),
    ...(ages.length > 0 && { maxAgeSeconds: Math.min(...ages) }),
  };
}

/**
 * Returns the pattern of the route that serves a call, such as `/orders/{id}`: the gateway's route, or the path from
 * the first matching rule. The set of patterns is fixed, so callers can't create new ones.
 *
 * @returns `(unrouted)` if the gateway names no route and no rule matches
 */
export function routePattern(
  config: Pick<MonitoringConfig, "routes" | "allowInPaths">,
  routed: RoutedPath,
): string {
  if (routed.route !== undefined) return routed.route;
  const rules = compileRules(config);
  for (const path of routed.paths) {
    const readings = readPath(path, routed, config.allowInPaths);
    if (typeof readings === "string") continue;
    for (const { segments } of readings) {
      const found = rules.find((each) => covers(each, segments, false));
      if (found) return found.rule.path;
    }
  }
  return UNROUTED;
}

/** Adds scopes to the required access, such as those for an MCP tool. */
export function withScopes(access: RequiredAccess, scopes: readonly string[]): RequiredAccess {
  return { ...access, scopes: [...new Set([...access.scopes, ...scopes])] };
}

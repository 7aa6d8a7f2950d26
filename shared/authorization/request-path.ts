/** The path that a gateway or server uses to route a call. */
export interface RoutedPath {
  /** The possible paths. If there is more than one, the call must meet the requirements for all of them. */
  readonly paths: readonly string[];
  /**
   * The route that the gateway chose, such as `/orders/{id}`.
   *
   * @default - unknown
   */
  readonly route?: string;
  /**
   * Whether the gateway named the route and matched the whole path. If false, the code behind the gateway does its own
   * routing by all or part of the path.
   *
   * @default false
   */
  readonly isExact?: boolean;
  /**
   * Whether the path may start with the base path of a custom domain. The gateway's event doesn't contain that base
   * path.
   *
   * @default false
   */
  readonly mayHaveBasePath?: boolean;
}

/** Why a path is rejected: it can't be decoded, or servers disagree on its meaning. */
export type PathError = "malformed_path" | "ambiguous_path";

/** Ambiguous parts of a path that the configuration can allow. */
export type AllowedInPath = "encoded_slashes" | "empty_segments";

/** One interpretation of a path, as segments. */
export interface PathReading {
  readonly segments: readonly string[];
  readonly hasTrailingSlash: boolean;
}

/**
 * Builds a path from a gateway's route, such as `/orders/{id}`, and the route's parameter values. A REST API drops the
 * trailing slash from the value of a greedy parameter, but not from the path that the code behind it routes by.
 */
export function pathOfRoute(
  route: string,
  parameters: Readonly<Record<string, string | null | undefined>> | null | undefined,
  hasTrailingSlash = false,
): RoutedPath {
  const path = route.replace(/\{([^{}+]+)(\+?)\}/g, (_, name: string, greedy: string) => {
    const value = parameters?.[name] ?? "";
    if (greedy) return value;
    // A missing value yields an empty segment. A decoded slash stays part of the value.
    return value === "" ? "/" : value.replaceAll("/", "%2F");
  });
  const isExact = !route.endsWith("+}");
  const isCut = !isExact && hasTrailingSlash && !path.endsWith("/");
  return { paths: [isCut ? `${path}/` : path], route, isExact };
}

/** Control characters (dropped by the WHATWG URL parser) and backslashes (read as slashes). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must match control characters
const DROPPED_OR_CHANGED = /[\x00-\x1f\x7f\\]|%5c/i;

/** Dot segments, including those with a path parameter, such as `..;x`. */
const DOT_SEGMENT = /^\.\.?(;|$)/;

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Splits a path into segments. A leading or trailing slash adds no empty segment. */
function split(path: string): PathReading {
  const segments = path.slice(1).split("/");
  const hasTrailingSlash = segments.length > 1 && segments.at(-1) === "";
  if (segments.at(-1) === "") segments.pop();
  return { segments, hasTrailingSlash };
}

/**
 * Returns every plausible reading of a path: raw and decoded, whole and truncated at `;`, `?` or `#`, where some
 * routers start the query. Rejects paths that servers disagree on: dot segments, empty segments, encoded slashes,
 * backslashes, and targets that aren't in origin form (RFC 9112, section 3.2.1).
 */
export function readPath(
  path: string,
  { isExact = false }: Pick<RoutedPath, "isExact">,
  allowed: readonly AllowedInPath[] = [],
): readonly PathReading[] | PathError {
  const decoded = decode(path);
  if (decoded === undefined) return "malformed_path";
  if (!path.startsWith("/") || DROPPED_OR_CHANGED.test(path) || decoded.includes("\\")) {
    return "ambiguous_path";
  }
  const hasEncodedSlash = /%2f/i.test(path);
  if (hasEncodedSlash && !allowed.includes("encoded_slashes")) return "ambiguous_path";
  const candidates = isExact ? [path] : [path, path.replace(/[;?#].*$/s, "")];
  const slashes =
    hasEncodedSlash && !isExact ? candidates.map((text) => text.replace(/%2f/gi, "/")) : [];
  const readings = [...new Set([...candidates, ...slashes])].map(split);
  const all = readings.flatMap(({ segments, hasTrailingSlash }) => [
    { segments, hasTrailingSlash },
    { segments: segments.map((segment) => decode(segment) ?? segment), hasTrailingSlash },
  ]);
  const isRejected = all.some(({ segments }) =>
    segments.some(
      (segment) =>
        segment.split("/").some((part) => DOT_SEGMENT.test(part)) ||
        (segment === "" && !allowed.includes("empty_segments")),
    ),
  );
  if (isRejected) return "ambiguous_path";
  const merged = all.map((reading) => ({ ...reading, segments: reading.segments.filter(Boolean) }));
  const distinct = new Map(
    [...all, ...merged].map((reading) => [JSON.stringify(reading), reading]),
  );
  return [...distinct.values()];
}

/** The path by which a gateway or server chose, or will choose, the route of a call. */
export interface RoutedPath {
  /** The path. With several plausible paths, a call needs what each of them requires. */
  readonly paths: readonly string[];
  /**
   * The route that the gateway chose, such as `/orders/{id}`.
   *
   * @default - the gateway names none
   */
  readonly route?: string;
  /**
   * Whether the gateway named the route and no part of the path is left to the code behind it. Otherwise the code
   * behind the gateway routes by the path, or a part of it, in its own way.
   *
   * @default false
   */
  readonly isExact?: boolean;
  /**
   * Whether the path may start with the base path of a custom domain, which the event does not name.
   *
   * @default false
   */
  readonly mayHaveBasePath?: boolean;
}

/** Why a path is rejected: it does not decode, or servers read it in different ways. */
export type PathError = "malformed_path" | "ambiguous_path";

/** What a path may contain although servers read it in different ways. */
export type AllowedInPath = "encoded_slashes" | "empty_segments";

/** One way to read a path, as decoded segments. */
export interface PathReading {
  readonly segments: readonly string[];
  readonly hasTrailingSlash: boolean;
}

/** The path of a route that a gateway chose, such as `/orders/{id}`, with the values of its parameters. */
export function pathOfRoute(
  route: string,
  parameters: Readonly<Record<string, string | null | undefined>> | null | undefined,
): RoutedPath {
  const path = route.replace(/\{([^{}+]+)(\+?)\}/g, (_, name: string, greedy: string) => {
    const value = parameters?.[name] ?? "";
    if (greedy) return value;
    // A missing value leaves an empty segment, and a decoded slash is still part of the value.
    return value === "" ? "/" : value.replaceAll("/", "%2F");
  });
  return { paths: [path], route, isExact: !route.endsWith("+}") };
}

/** Control characters, which the WHATWG URL parser drops, and backslashes, which it reads as slashes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const DROPPED_OR_CHANGED = /[\x00-\x1f\x7f\\]|%5c/i;

/** Dot segments, also in front of a path parameter: `..;x`. */
const DOT_SEGMENT = /^\.\.?(;|$)/;

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Splits a path into segments, without the empty ones around its first and last slash. */
function split(path: string): PathReading {
  const segments = path.slice(1).split("/");
  const hasTrailingSlash = segments.length > 1 && segments.at(-1) === "";
  if (segments.at(-1) === "") segments.pop();
  return { segments, hasTrailingSlash };
}

/**
 * Returns every plausible reading of a path: as it is and decoded, whole and up to a `;`, `?` or `#`, which some
 * routers take for the start of a query. What none of them can agree on is rejected: a target that is not in origin
 * form (RFC 9112, section 3.2.1), dot segments, empty segments, encoded slashes and backslashes.
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
  const whole = isExact ? [path] : [path, path.replace(/[;?#].*$/s, "")];
  const slashes =
    hasEncodedSlash && !isExact ? whole.map((text) => text.replace(/%2f/gi, "/")) : [];
  const readings = [...new Set([...whole, ...slashes])].map(split);
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

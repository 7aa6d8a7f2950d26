import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { ROUTES, tokenFor } from "./routes.ts";

/** The parts of a call that the caller chooses. */
export interface Call {
  readonly method: string;
  /** Request target. Each character is one byte on the wire. */
  readonly target: string;
  /** Name of the token, see `openScene`. */
  readonly token: string;
  readonly withSession: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** WPT's urltestdata.json (BSD 3-Clause), from `@wordpress/url`. */
const WHATWG_INPUTS: readonly string[] = JSON.parse(
  readFileSync(
    new URL(
      "src/test/fixtures/wpt-data.json",
      `file://${createRequire(import.meta.url).resolve("@wordpress/url/package.json")}`,
    ),
    "utf8",
  ),
).map(({ input }: { input: string }) => input);

/** Converts a text to bytes, one character per byte. Percent-encodes characters that would end the request target. */
const asBytes = (text: string) =>
  Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(
      /[\r\n ]/g,
      (character) => `%${Buffer.from(character).toString("hex").padStart(2, "0")}`,
    );

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);

const hex = (character: string, upper: boolean) => {
  const digits = character.charCodeAt(0).toString(16).padStart(2, "0");
  return `%${upper ? digits.toUpperCase() : digits}`;
};

const SLASHES = [
  "/",
  "//",
  "%2f",
  "%2F",
  "\\",
  "%5c",
  "%5C",
  "%252f",
  "%c0%af",
  "/./",
  "/%2e/",
  "/;/",
  "%00/",
];
const UPS = [
  "..",
  "%2e%2e",
  ".%2e",
  "%2E.",
  "%252e%252e",
  "..;",
  "..;a=b",
  "%c0%ae%c0%ae",
  "..%00",
];
/** Texts to insert into a path. */
const INSERTS = [
  ...SLASHES,
  "%00",
  "%20",
  "%0a",
  "%09",
  "%3f",
  "%3F",
  "%23",
  "%25",
  "%2525",
  "%",
  "%zz",
  "%e9",
  "%ff",
  "%ed%a0%80",
  "%f0%9f%98%80",
  "\xc3\xa9",
  "\xff",
  "%ef%bc%8f",
  "%e2%84%aa",
  "%c5%bf",
  ";",
  ";a=b",
  ";jsessionid=1",
  "?",
  "?x=/public/x",
  "#",
  "#/public/x",
  "%3f/../..",
  ":",
  "@",
  "*",
  "~",
  "'",
  '"',
  "<",
  "|",
  "{",
  "}",
  "{proxy+}",
  ".",
  "..",
  ".json",
  "+",
  "&",
  "=",
  "$default",
  "\t",
];

type Change = (path: string) => string;

const somewhere = (change: (path: string, at: number) => string): fc.Arbitrary<Change> =>
  fc.nat().map((seed) => (path) => change(path, path.length === 0 ? 0 : seed % path.length));

const replaceAt = (path: string, at: number, by: (character: string) => string) =>
  path.slice(0, at) + by(path[at] ?? "/") + path.slice(at + 1);

const flipCase = (character: string) =>
  character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase();

/** One random change of a path. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .boolean()
    .chain((upper) => somewhere((path, at) => replaceAt(path, at, (each) => hex(each, upper)))),
  somewhere((path, at) => replaceAt(path, at, (each) => `%25${hex(each, false).slice(1)}`)),
  somewhere((path, at) => replaceAt(path, at, flipCase)),
  fc.constant<Change>((path) => path.toUpperCase()),
  fc.constant<Change>((path) => path.replace(/[a-z]/, flipCase)),
  // The Kelvin sign and the long s, which case folding turns into k and s.
  oneOf<Change>(
    (path) => path.replace("s", "%c5%bf"),
    (path) => path.replace("k", "%e2%84%aa"),
  ),
  oneOf(...SLASHES).map(
    (slash) => (path: string) => path.replaceAll("/", slash).replace(/^[^/]*/, "/"),
  ),
  oneOf(...SLASHES).map((slash) => (path: string) => path.replace(/(?<=.)\//, slash)),
  oneOf(...SLASHES).map((slash) => (path: string) => path + slash),
  fc.tuple(oneOf(...INSERTS), fc.nat()).map(([text, seed]) => (path: string) => {
    const at = seed % (path.length + 1);
    return path.slice(0, at) + text + path.slice(at);
  }),
  fc.tuple(oneOf(...INSERTS), fc.nat()).map(([text, seed]) => (path: string) => {
    const segments = path.split("/");
    const at = 1 + (seed % segments.length);
    return [...segments.slice(0, at), text, ...segments.slice(at)].join("/");
  }),
  // Goes down one level and up again.
  fc.tuple(oneOf(...SLASHES), oneOf(...UPS), oneOf("x", "public", "api")).map(
    ([slash, up, name]) =>
      (path: string) =>
        `/${name}${slash}${up}${path}`,
  ),
  oneOf("/prod", "/live", "/ops", "/$default", "/x", "/public", "/files").map(
    (prefix) => (path: string) => prefix + path,
  ),
  oneOf<Change>(
    (path) => path + "/x".repeat(900),
    (path) => `${path}?${"x".repeat(3000)}`,
    (path) => "/.".repeat(300) + path,
  ),
);

const example = fc.constantFrom(...ROUTES);

/** A path that starts like one route and ends like another. */
const climbing = fc
  .record({
    from: example,
    to: example,
    slash: fc.oneof(oneOf("/", "%2f", "%5c", "\\"), oneOf(...SLASHES)),
    up: fc.oneof(oneOf("..", "%2e%2e"), oneOf(...UPS)),
    more: fc.integer({ min: -1, max: 1 }),
    encodesRest: fc.boolean(),
  })
  .map(({ from, to, slash, up, more, encodesRest }) => ({
    routes: [from, to],
    path:
      from.example +
      `${slash}${up}`.repeat(from.example.split("/").length - 1 + more) +
      (encodesRest ? to.example.replaceAll("/", slash) : to.example),
  }));

const direct = example.map((route) => ({ routes: [route], path: route.example }));

/** Forms of the request target around a path. */
const form: fc.Arbitrary<Change> = fc.oneof(
  { weight: 40, arbitrary: fc.constant<Change>((path) => path) },
  {
    weight: 4,
    arbitrary: oneOf<string>(
      ...["http://x", "https://x", "http://x:80", "HTTP://X", "http://u:p@x", "http://[::1]"],
      ...[
        "http://",
        "http:",
        "http:/",
        "http:///x",
        "http:\\\\x",
        "ws://x",
        "//x",
        "///x",
        "/\\x",
        "\\\\x",
      ],
    ).map((origin) => (path: string) => origin + path),
  },
  {
    weight: 1,
    arbitrary: oneOf<Change>(
      () => "*",
      () => "",
      () => "/",
      () => "x:443",
      (path) => path.slice(1),
      (path) => `?${path}`,
      (path) => `*${path}`,
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...WHATWG_INPUTS), fc.nat(2))
      .map(([input, order]) => (path: string) => {
        const text = asBytes(input);
        if (order === 0) return text;
        return order === 1 ? `${text}${path}` : `${path}/${text}`;
      }),
  },
);

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "QUERY",
  "M-SEARCH",
  "LINK",
  "get",
  "Post",
  "delete",
  "FOO",
  "ANY",
];

const misleading = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        oneOf(
          ...["X-HTTP-Method-Override", "X-HTTP-Method", "X-Original-URL", "X-Rewrite-URL"],
          ...["X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Original-Host"],
        ),
        oneOf("GET", "DELETE", "/public/x", "/api/admin/users", "/ops"),
      )
      .map(([name, value]) => ({ [name]: value })),
  },
);

/**
 * Generates calls to an application behind a prefix. A third are regular calls; the others are manipulated.
 *
 * @param prefix base path or stage that callers put before paths
 */
function calls(prefix: string): fc.Arbitrary<Call> {
  return fc
    .record({
      path: fc.oneof({ weight: 2, arbitrary: direct }, { weight: 1, arbitrary: climbing }),
      changes: fc.oneof(
        { weight: 2, arbitrary: fc.constant<Change[]>([]) },
        { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.array(change, { minLength: 2, maxLength: 3 }) },
      ),
      prefixFirst: fc.boolean(),
      hasPrefix: fc.nat(19).map((dice) => dice > 0),
      form,
      method: fc.oneof(
        { weight: 10, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constant("HEAD") },
        { weight: 1, arbitrary: oneOf(...METHODS) },
      ),
      routeOfToken: fc.oneof(
        { weight: 5, arbitrary: fc.constant("all") },
        { weight: 1, arbitrary: fc.constant("all-weak") },
        { weight: 2, arbitrary: fc.nat(1) },
        { weight: 2, arbitrary: example },
      ),
      withSession: fc.boolean(),
      headers: misleading,
    })
    .map(({ path, changes, prefixFirst, hasPrefix, form, method, routeOfToken, ...rest }) => {
      const before = hasPrefix ? prefix : "";
      const bend = (path: string) => changes.reduce((bent, each) => each(bent), path);
      const target = form(prefixFirst ? bend(before + path.path) : before + bend(path.path));
      const [first, last = first] = path.routes;
      const chosen =
        typeof routeOfToken === "number" ? (routeOfToken === 0 ? first : last) : routeOfToken;
      const served = last?.method === "ANY" ? "GET" : (last?.method ?? "GET");
      return {
        method: method ?? served,
        target,
        token: typeof chosen === "string" ? chosen : (chosen?.scope ?? "all"),
        ...rest,
      };
    });
}

/** Generates calls. The same seed gives the same calls. */
export function generateCalls(prefix: string, count: number, seed: number): Call[] {
  return fc.sample(calls(prefix), { numRuns: count, seed });
}

/** Returns a regular call to each route. */
export function plainCalls(prefix: string): Call[] {
  return ROUTES.map((route) => ({
    method: route.method === "ANY" ? "GET" : route.method,
    target: prefix + route.example,
    token: tokenFor(route),
    withSession: true,
    headers: {},
  }));
}

/** Attacks that once worked: kind, method, target and token. `{}` is the base path or stage. */
const ATTACKS: readonly (readonly [kind: string, method: string, target: string, token: string])[] =
  [
    ["base path", "GET", "{}/admin/oauth/events", "read"],
    ["base path", "POST", "{}/admin/oauth/actions", "write"],
    ["base path", "GET", "{}/api/admin/users", "read"],
    ["absolute form", "GET", "http://x{}/api/admin/users", "read"],
    ["absolute form", "GET", "http://x{}/admin/oauth/events", "read"],
    ["authority without scheme", "GET", "//x{}/api/admin/users", "read"],
    ["empty segment", "GET", "/{}/api/admin/users", "read"],
    ["empty segment", "GET", "{}/api//admin/users", "read"],
    ["%2f and dots", "DELETE", "{}/api/admin/users/42%2f..%2f..%2f..%2f..%2fpublic%2fx", "write"],
    ["%2f and dots", "GET", "{}/api/admin/users/42%2f..%2f..%2f..%2f..%2fpublic%2fx", "public"],
    ["%5c and dots", "DELETE", "{}/api/admin/users/42%5c..%5c..%5c..%5c..%5cpublic%5cx", "write"],
    ["backslash", "DELETE", "{}/api/admin/users/42\\..\\..\\..\\..\\public\\x", "write"],
    ["dot segments", "GET", "{}/files/../public/x", "public"],
    ["encoded dot segments", "GET", "{}/files/%2e%2e/public/x", "public"],
    ["respond", "POST", "{}/admin/oauth/actions/7%2f..%2f..%2f..%2f..%2fother/approve", "write"],
    ["case", "GET", "{}/API/ADMIN/users", "read"],
    ["case", "GET", "{}/Admin/OAuth/events", "read"],
    ["HEAD", "HEAD", "{}/api/admin/users", "read"],
    ["HEAD", "HEAD", "{}/admin/oauth/events", "read"],
    ["trailing slash", "GET", "{}/files/private/x/", "private"],
    ["step-up", "POST", "{}/api/payments/7", "pay"],
    ["step-up, encoded twice", "POST", "{}/api/payments/%2537", "pay"],
    ["step-up, second reading", "POST", "{}/api/payments/%25ff", "pay"],
  ];

/** Returns the attacks that once worked, behind a prefix. */
export function knownAttacks(prefix: string): { readonly kind: string; readonly call: Call }[] {
  return ATTACKS.map(([kind, method, target, token]) => ({
    kind,
    call: {
      method,
      target: target.replace("{}", prefix),
      token,
      withSession: true,
      headers: {},
    },
  }));
}

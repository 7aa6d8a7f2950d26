import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { issueToken, startSession } from "../../shared/index.ts";
import { useStack } from "./stack.ts";

const scene = useStack();

const RUNS = Number(process.env.HOSTILE_RUNS ?? 60);

/** Generates only the characters that Node's HTTP client allows in a header. An HTTP client never sends others. */
const headerText = fc
  .string({ unit: "binary", maxLength: 200 })
  .map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/gu, ""));

const tokenish = fc.oneof(
  headerText,
  headerText.map((text) => `Bearer ${text}`),
  fc.constantFrom(
    "Bearer",
    "bearer  x",
    "Basic dXNlcjpwYXNz",
    "Bearer oam_",
    `Bearer oam_${"A".repeat(43)}`,
    `Bearer ${"x".repeat(8000)}`,
    "Bearer __proto__",
    "Bearer ../../etc/passwd",
    'Bearer {"$ne":null}',
    "Bearer a, Bearer b",
    "Bearer a\tb",
  ),
);

const pathSegment = fc.oneof(
  fc.webSegment(),
  fc.constantFrom(
    "..",
    ".",
    "%2e%2e",
    "%2F",
    "%5c",
    "%00",
    "%0d%0aSet-Cookie:x",
    "%ff",
    "%",
    "{proxy+}",
    "__proto__",
    "constructor",
    ";a=b",
    "%F0%9F%98%80",
    "x".repeat(2000),
  ),
);

/** Half of the paths reach the authorizer. The others match no route. */
const path = fc
  .oneof(
    fc.tuple(fc.constant("/api"), fc.array(pathSegment, { minLength: 1, maxLength: 4 })),
    fc.tuple(fc.constantFrom("/admin/oauth/stats", "/admin/oauth/events"), fc.constant([""])),
    fc.tuple(
      fc.constantFrom("/api/", "/admin/oauth", "/admin", "", "/API"),
      fc.array(pathSegment, { maxLength: 4 }),
    ),
  )
  .map(([start, rest]) => `${start}/${rest.join("/")}`.replace(/[^\x21-\x7e]/g, ""));

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(
    "2026-11-23T10:00:00Z",
    "9999999999999",
    "-1",
    "1e400",
    "NaN",
    "2026-99-99T99:99:99Z",
    "' OR 1=1 --",
    "\u0000",
    "{}",
    "[]",
    "x".repeat(3000),
  ),
);

const query = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(
          ...["from", "to", "type", "client_id", "user_id", "token_id", "ip", "limit", "cursor"],
          ...["as_of", "__proto__", "constructor", "toString", ""],
        ),
        fc.string({ maxLength: 10 }),
      ),
      value,
    ),
    { maxLength: 4 },
  )
  .map((pairs) => new URLSearchParams(pairs).toString());

const ADMIN_ROUTES = [
  "stats",
  "activity",
  "events",
  "security-events",
  "clients",
  "cleanup-runs",
  "alerts",
  "actions",
  "tokens",
  "sessions",
];

describe("hostile input", () => {
  it("never gets access and never breaks the API", { timeout: 300_000 }, async () => {
    const { send } = scene();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "HEAD", "POST", "DELETE"),
        path,
        fc.oneof(tokenish, fc.array(tokenish, { minLength: 2, maxLength: 3 })),
        fc.record({ "user-agent": headerText, "x-forwarded-for": headerText }),
        async (method, target, authorization, headers) => {
          const answer = await send(method, target, { ...headers, authorization });
          expect(answer.status).toBeGreaterThanOrEqual(400);
          expect(answer.status).toBeLessThan(500);
          // API Gateway answers these two with fixed texts.
          if (answer.text && ![414, 431].includes(answer.status)) {
            // A default gateway response cannot know which status it is sent with.
            const noRoute = { title: "The call was denied", code: "INVALID_SIGNATURE" };
            const { code } = answer.body;
            expect(answer.body).toMatchObject(code ? noRoute : { status: answer.status });
          }
        },
      ),
      { numRuns: RUNS },
    );
    await scene().settle();
    expect((await scene().eventsByType()).auth_failed ?? 0).toBeGreaterThan(RUNS / 4);
  });

  it("is rejected before it reaches a function when it exceeds API Gateway's limits", async () => {
    const { get, caller } = scene();
    // The longest path that fits an ARN of 1600 characters, and longer paths.
    for (const [length, status] of [
      [400, 200],
      [600, 200],
      [1400, 200],
      [1700, 414],
      [9000, 414],
    ] as const) {
      const { status: answered, text } = await get(`/api/${"x".repeat(length)}`, caller);
      expect(answered, `${length}: ${text}`).toBe(status);
    }
    const large = { "user-agent": "x".repeat(6000), "x-note": "y".repeat(6000) };
    expect((await get("/api/x", caller, large)).status).toBe(431);
    expect((await get("/api/x", caller, { "x-note": "y".repeat(9000) })).status).toBe(200);
  });

  it("fits API Gateway's authorizer limits with the longest tokens, sessions and clients", async () => {
    const { get, send, library } = scene();
    const scopes = Array.from({ length: 15 }, (_, n) => `${n}`.padEnd(128, "x"));
    scopes.push("y".repeat(100), "mcp:use");
    const longest = { clientId: "é".repeat(256), userId: "中".repeat(256), expiresInSeconds: 600 };
    const { secret } = await issueToken(library, { ...longest, scopes });
    const session = await startSession(library, { ...longest, scopes });
    const path = `/api/mcp?${"x".repeat(500)}`;
    const { status, text } = await get(path, secret, { "Mcp-Session-Id": session.secret });
    expect(status, text).toBe(200);
    const rejected = await send("POST", "/api/x", { authorization: `Bearer ${secret}` });
    expect(rejected.status).toBe(403);
  });

  it("from an administrator gets a response or an error with a reason, but never a 5XX", {
    timeout: 300_000,
  }, async () => {
    const { get, admin } = scene();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ADMIN_ROUTES), query, async (route, search) => {
        const { status, body } = await get(`/admin/oauth/${route}?${search}`, admin);
        expect([200, 400]).toContain(status);
        if (status === 400) expect(body.detail.length).toBeGreaterThan(0);
      }),
      { numRuns: RUNS },
    );
  });

  it("in a cursor never returns events outside the query", { timeout: 300_000 }, async () => {
    const { get, admin, caller } = scene();
    for (let n = 0; n < 5; n += 1) await get("/api/x", caller);
    await scene().settle();
    const mine = await get("/admin/oauth/events?client_id=app&limit=1", admin);
    const genuine = JSON.parse(Buffer.from(mine.body.next_cursor, "base64url").toString());
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((json) => JSON.stringify(json)),
          fc
            .record({ before: fc.oneof(fc.string(), fc.constant(genuine.before)) })
            .map((forged) => JSON.stringify({ ...genuine, ...forged })),
        ),
        async (text) => {
          const cursor = Buffer.from(text).toString("base64url");
          const search = new URLSearchParams({ client_id: "app", limit: "5", cursor });
          const { status, body } = await get(`/admin/oauth/events?${search}`, admin);
          expect([200, 400]).toContain(status);
          for (const event of body.events ?? []) expect(event.oauth_client_id).toBe("app");
          // The unmodified cursor works and returns events.
          if (text === JSON.stringify(genuine)) expect(body.events).not.toEqual([]);
        },
      ),
      { numRuns: RUNS, examples: [[JSON.stringify(genuine)]] },
    );
  });

  it("never breaks a log line", () => {
    const lines = scene().logs.map((one) => one.replace(/^[\w-]+: /, ""));
    expect(lines).not.toEqual([]);
    for (const line of lines) {
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { queueNamed } from "../../../local/services/queues.ts";
import {
  issueToken,
  queryEvents,
  revokeToken,
  type StoredEvent,
  startSession,
} from "../../../shared/index.ts";
import { HOUR_MS } from "../../../shared/time/clock.ts";
import { useStack } from "../stack.ts";
import { type CallHeaders, type Door, type DoorAnswer, lambdaDoors, nodeDoors } from "./doors.ts";
import { synthesizeDoors } from "./doors-assembly.ts";

const { assembly, remove } = await synthesizeDoors({
  routes: [
    { path: "/api/session/{proxy+}", scopes: ["mcp:use"], session: "required" },
    { path: "/api/admin/{proxy+}", scopes: ["api:admin"] },
  ],
});
afterAll(remove);
const scene = useStack({ assembly: () => assembly, visibilitySeconds: 3 });

const IP = "203.0.113.9";
const USER_AGENT = "door-test/1.0";
const DESCRIPTION = "The access token is missing, malformed, unknown, expired or revoked";

interface Case {
  readonly name: string;
  readonly method?: string;
  /** In place of `/api`. */
  readonly base?: string;
  headers(): Promise<CallHeaders>;
  readonly status: number;
  /** `error` in the challenge and the problem document. */
  readonly error?: string;
  readonly scope?: string;
  readonly eventType: string;
  readonly reason?: string;
}

const issue = (scopes: string[], ago = 0) =>
  issueToken(
    { ...scene().library, clock: () => scene().library.clock() - ago },
    { clientId: "shop", userId: "ada", scopes, expiresInSeconds: 3600 },
  );
const bearer = async (scopes: string[], ago = 0) => ({
  authorization: `Bearer ${(await issue(scopes, ago)).secret}`,
});
const refused = (reason: string) => ({
  status: 401,
  eventType: "auth_failed",
  reason,
  ...(reason === "missing_token" ? {} : { error: "invalid_token" }),
});

const CASES: readonly Case[] = [
  {
    name: "a good token",
    headers: () => bearer(["api:read"]),
    status: 200,
    eventType: "token_used",
  },
  { name: "no token", headers: async () => ({}), ...refused("missing_token") },
  {
    name: "a malformed token",
    headers: async () => ({ authorization: "Bearer not a token" }),
    ...refused("malformed_token"),
  },
  {
    name: "another scheme",
    headers: async () => ({ authorization: "Basic YTpi" }),
    ...refused("malformed_token"),
  },
  {
    name: "an unknown token",
    headers: async () => ({ authorization: "Bearer oam_unknown-token-of-nobody-at-all" }),
    ...refused("unknown_token"),
  },
  {
    name: "an expired token",
    headers: () => bearer(["api:read"], 2 * HOUR_MS),
    ...refused("expired_token"),
  },
  {
    name: "a revoked token",
    async headers() {
      const { secret, token } = await issue(["api:read"]);
      await revokeToken(scene().library, token.token_id);
      return { authorization: `Bearer ${secret}` };
    },
    ...refused("revoked_token"),
  },
  {
    name: "too little scope",
    method: "POST",
    headers: () => bearer(["api:read"]),
    status: 403,
    error: "insufficient_scope",
    scope: "api:write",
    eventType: "scope_violation",
  },
  {
    name: "an encoded path of a route that asks for more",
    base: "/api/%61dmin",
    headers: () => bearer(["api:read"]),
    status: 403,
    error: "insufficient_scope",
    scope: "api:admin",
    eventType: "scope_violation",
  },
  {
    name: "no session",
    base: "/api/session",
    headers: () => bearer(["mcp:use"]),
    status: 403,
    error: "invalid_session",
    eventType: "auth_failed",
    reason: "missing_session",
  },
  {
    name: "a live session",
    base: "/api/session",
    async headers() {
      const { secret } = await startSession(scene().library, {
        clientId: "shop",
        userId: "ada",
        scopes: ["mcp:use"],
        expiresInSeconds: 600,
      });
      return { ...(await bearer(["mcp:use"])), "mcp-session-id": secret };
    },
    status: 200,
    eventType: "token_used",
  },
];

const slug = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
/** The path of a case at a door, by which its event is found. */
const pathOf = (door: string, { name, base = "/api" }: Case) =>
  `${base}/${slug(name)}/${slug(door)}`;

function call(door: Door, each: Case, headers: CallHeaders): Promise<DoorAnswer> {
  return door.call(each.method ?? "GET", pathOf(door.name, each), {
    ...headers,
    "x-forwarded-for": IP,
    "user-agent": USER_AGENT,
  });
}

/** What a door that answers itself says of a refusal, in the header and in the body. */
function expectRefusal({ challengeField }: Door, answer: DoorAnswer, each: Case): void {
  const { status, error, scope } = each;
  const challenge = String(answer.headers[challengeField]);
  const description = answer.body.detail;
  const attributes = [
    'realm="oauth-monitoring"',
    ...(error ? [`error="${error}"`, `error_description="${description}"`] : []),
    ...(scope ? [`scope="${scope}"`] : []),
  ];
  expect(challenge).toBe(`Bearer ${attributes.join(", ")}`);
  if (status === 401) expect(description).toBe(DESCRIPTION);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.body).toEqual({
    type: `urn:oauth-monitoring:problem:${status === 401 ? "unauthorized" : "forbidden"}`,
    title: status === 401 ? "Unauthorized" : "Forbidden",
    status,
    detail: expect.any(String),
    request_id: expect.any(String),
    ...(error && { error }),
    ...(scope && { scope }),
  });
}

/** What API Gateway says of a refusal: by gateway responses (REST API), or in its own words (HTTP API). */
function expectGatewayRefusal(door: Door, answer: DoorAnswer, each: Case): void {
  if (door.answers === "http-api") {
    expect(answer.body).toEqual({ message: each.status === 401 ? "Unauthorized" : "Forbidden" });
    return;
  }
  const error = each.error ?? "invalid_token";
  expect(answer.headers["www-authenticate"]).toContain(`error="${error}"`);
  expect(answer.body).toMatchObject({ status: each.status, error });
}

const callerIn = ({ body }: DoorAnswer) => {
  const { principalId: _, ...caller } = body.caller ?? body.authorizer;
  return caller;
};

let doors: Door[];
let servers: Awaited<ReturnType<typeof nodeDoors>>;
/** Headers of each case; every door gets the same. */
const credentials = new Map<string, CallHeaders>();
beforeAll(async () => {
  servers = await nodeDoors(scene());
  doors = [...lambdaDoors(scene()), ...servers.doors];
  for (const each of CASES) credentials.set(each.name, await each.headers());
});
afterAll(() => servers?.close());

describe.each(CASES)("a call with $name", (each) => {
  it("is answered alike at every door", async () => {
    const answers = await Promise.all(
      doors.map((door) => call(door, each, credentials.get(each.name) ?? {})),
    );
    const [atRestApi] = answers;
    for (const [index, answer] of answers.entries()) {
      const door = doors[index] as Door;
      expect([door.name, answer.status]).toEqual([door.name, each.status]);
      if (each.status === 200) {
        expect(callerIn(answer)).toEqual(callerIn(atRestApi as DoorAnswer));
        expect(callerIn(answer)).toMatchObject({ oauth_client_id: "shop", user_id: "ada" });
      } else if (door.answers === "itself") expectRefusal(door, answer, each);
      else expectGatewayRefusal(door, answer, each);
    }
  });
});

describe("the audit log", () => {
  const events = new Map<string, StoredEvent[]>();
  beforeAll(async () => {
    await servers.monitoring.flush();
    await scene().settle();
    for (const type of new Set(CASES.map(({ eventType }) => eventType))) {
      let cursor: string | null | undefined;
      do {
        const page = await queryEvents(scene().library, {
          type,
          limit: 1000,
          cursor: cursor ?? undefined,
        });
        for (const event of page.events) {
          const endpoint = String(event.event_data.endpoint);
          events.set(endpoint, [...(events.get(endpoint) ?? []), event]);
        }
        cursor = page.next_cursor;
      } while (cursor);
    }
  });

  /** What is not the same at every door. */
  const comparable = ({ event_type, oauth_client_id, user_id, event_data }: StoredEvent) => {
    const { endpoint: _, request_id, trace_id: __, previous_use: ___, ...data } = event_data;
    expect(request_id).toEqual(expect.any(String));
    return { event_type, oauth_client_id, user_id, data };
  };

  it.each(CASES)(
    "has one event of a call with $name at each door, and each says the same",
    (each) => {
      const found = doors.map(({ name }) => {
        const path = pathOf(name, each);
        // An HTTP API decodes the path before anybody sees it.
        return [...(events.get(path) ?? events.get(decodeURIComponent(path)) ?? [])];
      });
      expect(found.map(({ length }) => length)).toEqual(doors.map(() => 1));
      const [atRestApi, ...others] = found.flat().map(comparable);
      expect(atRestApi).toMatchObject({
        event_type: each.eventType,
        data: {
          method: each.method ?? "GET",
          ip: IP,
          user_agent: USER_AGENT,
          ...(each.reason && { reason: each.reason }),
        },
      });
      for (const other of others) expect(other).toEqual(atRestApi);
    },
  );

  it("has no secret of any call", async () => {
    const text = (await scene().storeText()) + scene().busTraffic.join() + scene().logs.join();
    const secrets = [...credentials.values()]
      .flatMap((headers) => Object.values(headers).flat())
      .map((value) => String(value).replace(/^Bearer /, ""))
      .filter((value) => value.length >= 20);
    expect(secrets.length).toBeGreaterThan(5);
    for (const secret of secrets) expect(text.includes(secret)).toBe(false);
  });
});

describe("a bus", () => {
  const endpoints = (each: Case) => doors.map(({ name }) => pathOf(name, each));
  const callAll = (each: Case) =>
    Promise.all(doors.map((door) => call(door, each, credentials.get("a good token") ?? {})));

  it("that is slow keeps no caller waiting at any door", async () => {
    const slow: Case = { ...(CASES[0] as Case), name: "a slow bus" };
    const { stack, busTraffic, settle } = scene();
    const isPublished = (path: string) => busTraffic.some((entry) => entry.includes(path));
    stack.eventBus.delayMs = 1500;
    for (const door of doors) {
      const { status } = await call(door, slow, credentials.get("a good token") ?? {});
      const path = pathOf(door.name, slow);
      expect([door.name, status, isPublished(path)]).toEqual([door.name, 200, false]);
    }
    stack.eventBus.delayMs = 0;
    await servers.monitoring.flush();
    const missing = () => endpoints(slow).filter((path) => !isPublished(path));
    await expect.poll(missing, { timeout: 20_000 }).toEqual([]);
    await settle();
  });

  it("that is down loses no event of any door", async () => {
    const down: Case = { ...(CASES[0] as Case), name: "no bus" };
    const { stack, library, settle } = scene();
    const unpublished = queueNamed(stack.queues, stack.named("queue", "Unpublished"));
    stack.eventBus.down = true;
    expect((await callAll(down)).map(({ status }) => status)).toEqual(doors.map(() => 200));
    await servers.monitoring.flush();
    await expect
      .poll(() => unpublished.visible + unpublished.inFlight, { timeout: 20_000 })
      .toBe(doors.length);
    stack.eventBus.down = false;
    await settle();
    const { events } = await queryEvents(library, { type: "token_used", limit: 1000 });
    const stored = events.map(({ event_data }) => event_data.endpoint);
    expect(endpoints(down).filter((path) => !stored.includes(path))).toEqual([]);
  });
});

describe("a token store that does not answer", () => {
  it("keeps callers out at every door, and publishes that it did", async () => {
    const good = credentials.get("a good token") ?? {};
    await scene().stack.stopStore();
    const down: Case = { ...(CASES[0] as Case), name: "no store" };
    for (const door of doors) {
      const answer = await call(door, down, good);
      expect([door.name, answer.status]).toEqual([
        door.name,
        // An HTTP API has no gateway response that would make it 503.
        door.answers === "http-api" ? 500 : 503,
      ]);
      if (door.answers === "http-api") continue;
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.headers).not.toHaveProperty("www-authenticate");
      expect(answer.body).toMatchObject({ title: "Service unavailable", status: 503 });
    }
    await servers.monitoring.flush();
    const told = () =>
      scene().busTraffic.filter((entry) => entry.includes("oauth.auth_unavailable"));
    await expect.poll(() => told().length, { timeout: 10_000 }).toBe(doors.length);
    for (const door of doors) {
      expect(told().filter((entry) => entry.includes(`${pathOf(door.name, down)}\\`))).toHaveLength(
        1,
      );
    }
  });
});

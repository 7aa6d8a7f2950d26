import { beforeAll, describe, expect, it } from "vitest";
import { actionsList, block, release, revoke } from "../../cli/commands/actions.ts";
import { tokensList } from "../../cli/commands/tokens.ts";
import { seedDemo } from "../../local/start/demo-data.ts";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { issueToken, startSession } from "../../shared/index.ts";
import { type Answer, useStack } from "./stack.ts";
import { stackTarget } from "./stack-target.ts";

const scene = useStack();

let stolen: string | undefined;
beforeAll(async () => {
  stolen = await seedDemo(scene().library);
}, 120_000);

const issue = (clientId = "app", userId = "eve", scopes = ["api:read"]) =>
  issueToken(scene().library, { clientId, userId, scopes, expiresInSeconds: 3600 });

/** Posts as an administrator. */
const post = (route: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  scene().send(
    "POST",
    `/admin/oauth/${route}`,
    {
      authorization: `Bearer ${scene().admin}`,
      "content-type": "application/json",
      ...headers,
    },
    JSON.stringify(body),
  );

const inAnHour = () => toInstant(Date.now() + HOUR_MS);

describe("the demo's token theft", () => {
  it("ends when an administrator revokes the alert's token", async () => {
    const { get, admin, settle } = scene();
    const thief = () => get("/api/orders", stolen, { "x-forwarded-for": "203.0.113.66" });
    expect((await thief()).status).toBe(200);
    const { body } = await get("/admin/oauth/alerts", admin);
    const alert = body.open.find(
      (each: { subject: { kind: string } }) => each.subject.kind === "token",
    );
    const { id } = alert.subject;
    const target = { kind: "token", id };
    expect((await post("action-counts", { target })).body).toEqual({
      tokens: 1,
      sessions: 0,
      more: false,
    });
    const action = await post("actions", {
      kind: "revoke",
      target,
      reason: "used by thieves",
      alert_id: alert.alert_id,
    });
    expect(action.body).toMatchObject({ state: "done", actor: { id: "ada" }, target });
    const rejected = await thief();
    expect(rejected.status).toBe(401);
    expect(rejected.headers["www-authenticate"]).toContain('error="invalid_token"');
    await settle();
    const { body: log } = await get(`/admin/oauth/events?token_id=${id}&limit=3`, admin);
    expect(
      log.events.map((event: { event_type: string; event_data: { reason?: string } }) => [
        event.event_type,
        event.event_data.reason,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ["auth_failed", "revoked_token"],
        ["action_taken", "used by thieves"],
      ]),
    );
  });
});

describe("action routes", () => {
  it("require oauth:respond, which oauth:admin does not include", async () => {
    const { send, library } = scene();
    const { secret } = await issueToken(library, {
      clientId: "auditor",
      scopes: ["oauth:admin"],
      expiresInSeconds: 600,
    });
    for (const route of [
      "actions",
      "action-counts",
      "alert-reviews",
      "actions/019a8c1e-2b7d-7c3f-9d52-6f3c1d0b7a11/release",
    ]) {
      const { status, body } = await send(
        "POST",
        `/admin/oauth/${route}`,
        { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        "{}",
      );
      expect({ route, status, scope: body.scope }).toEqual({
        route,
        status: 403,
        scope: "oauth:respond",
      });
    }
  });

  it("block with an idempotency key, list the actions, and release a block", async () => {
    const { get, admin } = scene();
    const { secret } = await issue();
    const request = { kind: "block", target: { kind: "user", id: "eve" }, reason: "odd" };
    const body = { ...request, until: inAnHour() };
    const key = { "idempotency-key": '"k-1"' };
    const first = await post("actions", body, key);
    expect(first.body.state).toBe("done");
    const rejected = await get("/api/x", secret);
    expect(rejected.status).toBe(403);
    expect(rejected.body).toMatchObject({ error: "access_denied", status: 403 });
    expect((await post("actions", body, key)).body.action_id).toBe(first.body.action_id);
    const other = await post("actions", { ...body, target: { kind: "user", id: "bob" } }, key);
    expect(other.status).toBe(422);
    for (const change of [
      { reason: "odder" },
      { until: toInstant(Date.now() + 2 * HOUR_MS) },
      { mode: "propose" },
    ]) {
      expect((await post("actions", { ...body, ...change }, key)).status).toBe(422);
    }
    const reordered = Object.fromEntries(Object.entries(body).reverse());
    expect((await post("actions", reordered, key)).body.action_id).toBe(first.body.action_id);
    const list = await get("/admin/oauth/actions?target_kind=user&target_id=eve", admin);
    expect(list.body.actions).toMatchObject([{ kind: "block", reason: "odd" }]);

    const decision = `actions/${first.body.action_id}/release`;
    expect((await post(decision, { reason: "it was us" })).body.state).toBe("released");
    expect((await get("/api/x", secret)).status).toBe(200);
    expect((await post(`actions/${first.body.action_id}/approve`, { reason: "x" })).status).toBe(
      409,
    );
  });

  it("block an address and a network for every token", async () => {
    const { get } = scene();
    const { secret } = await issue("app", "mallory");
    const from = (ip: string) => get("/api/x", secret, { "x-forwarded-for": ip });
    const until = inAnHour();
    const reason = "attack";
    await post("actions", {
      kind: "block",
      target: { kind: "address", id: "192.0.2.66" },
      until,
      reason,
    });
    await post("actions", {
      kind: "block",
      target: { kind: "network", id: "198.51.100.0/25" },
      until,
      reason,
    });
    expect((await from("192.0.2.66")).status).toBe(403);
    expect((await from("192.0.2.67")).status).toBe(200);
    expect((await from("198.51.100.127")).status).toBe(403);
    expect((await from("198.51.100.128")).status).toBe(200);
  });

  it("revoke all tokens only if the caller confirms that this revokes the caller's own token too", async () => {
    const target = { kind: "all" };
    const counted = await post("action-counts", { target });
    expect(counted.body.tokens).toBeGreaterThan(1);
    const rejected = await post("actions", { kind: "revoke", target, reason: "the key leaked" });
    expect(rejected.status).toBe(400);
    expect(rejected.body.errors).toMatchObject([{ pointer: "/ends_own_token" }]);
    const { get, admin } = scene();
    expect((await get("/admin/oauth/alerts", admin)).status).toBe(200);
    // An old instant, so that tokens from the other tests stay valid.
    const done = await post("actions", {
      kind: "revoke",
      target,
      reason: "the key leaked",
      issued_before: "2020-01-01T00:00:00Z",
      ends_own_token: true,
    });
    expect(done.body).toMatchObject({ state: "done", hits: { tokens: 0, sessions: 0 } });
    expect((await get("/admin/oauth/alerts", admin)).status).toBe(200);
  });

  it("propose an action, and approve it once when two administrators approve", async () => {
    const { get, admin } = scene();
    const { secret } = await issue("leaky", "trent");
    const proposed = await post("actions", {
      kind: "revoke",
      target: { kind: "client", id: "leaky" },
      reason: "leaked",
      mode: "propose",
    });
    expect(proposed.body).toMatchObject({ state: "proposed", hits: { tokens: 1 } });
    const waiting = await get("/admin/oauth/actions?state=proposed", admin);
    expect(waiting.body.actions).toHaveLength(1);
    expect((await get("/api/x", secret)).status).toBe(200);
    const approve = () => post(`actions/${proposed.body.action_id}/approve`, { reason: "agreed" });
    const answers = await Promise.all([approve(), approve()]);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
    expect((await approve()).status).toBe(409);
    expect((await get("/api/x", secret)).status).toBe(401);
  });

  it.each<[string, object, Record<string, string>, number, string]>([
    ["no kind", { target: { kind: "user", id: "a" }, reason: "x" }, {}, 400, "/kind"],
    [
      "a block without an end",
      { kind: "block", target: { kind: "user", id: "a" }, reason: "x" },
      {},
      400,
      "/until",
    ],
    [
      "an unknown token",
      { kind: "revoke", target: { kind: "token", id: "nobody" }, reason: "x" },
      {},
      404,
      "",
    ],
    ["a body that isn't JSON", {}, { "content-type": "text/plain" }, 415, ""],
    [
      "an invalid idempotency key",
      { kind: "revoke", target: { kind: "user", id: "nobody" }, reason: "x" },
      { "idempotency-key": "a b" },
      400,
      "",
    ],
    ["a body that is too large", { reason: "x".repeat(20_000) }, {}, 413, ""],
  ])("reject %s with a problem document", async (_, body, headers, status, pointer) => {
    const answer = await post("actions", body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    if (pointer) {
      expect(answer.body.errors).toMatchObject(
        expect.arrayContaining([expect.objectContaining({ pointer })]),
      );
    }
  });
});

describe("list routes", () => {
  it("list a user's and a client's tokens and sessions, and tokens that expire soon", async () => {
    const { get, admin, library } = scene();
    const { token } = await issue("lister", "peggy");
    const { session } = await startSession(library, {
      clientId: "lister",
      userId: "peggy",
      scopes: ["api:read"],
      expiresInSeconds: 600,
    });
    for (const filter of ["user_id=peggy", "client_id=lister"]) {
      const tokens = await get(`/admin/oauth/tokens?${filter}`, admin);
      expect(tokens.body).toMatchObject({ tokens: [{ token_id: token.token_id }], more: false });
      expect(JSON.stringify(tokens.body)).not.toContain(token.token_digest);
      const sessions = await get(`/admin/oauth/sessions?${filter}`, admin);
      expect(sessions.body).toMatchObject({ sessions: [{ session_id: session.session_id }] });
      expect(JSON.stringify(sessions.body)).not.toContain(session.session_digest);
    }
    const soon = await get("/admin/oauth/tokens?expiring_days=1&limit=500", admin);
    expect(soon.body.tokens.map((each: { token_id: string }) => each.token_id)).toContain(
      token.token_id,
    );
    const unused = await get("/admin/oauth/tokens?unused_days=1&client_id=lister", admin);
    expect(unused.body).toEqual({ tokens: [], examined: 1, more: false });
    const clients = await get("/admin/oauth/clients?unused_days=1", admin);
    expect(clients.body).toEqual({ clients: [] });
    const list = { ...stackTarget(scene()), clock: () => Date.now() + 2 * 60_000 };
    const cli = await tokensList(list, { client: "lister", unused: "0.001" });
    expect(cli.json).toMatchObject({ tokens: [{ token_id: token.token_id }], more: false });
    await expect(tokensList(list, { unused: "1", expiring: "1" })).rejects.toThrow(
      /exclude each other/,
    );
    for (const wrong of [
      "unused_days=0",
      "unused_days=1&limit=5",
      "unused_days=1&expiring_days=1",
      "unused_days=1&user_id=a&client_id=b",
      "user_id=a&expires_before=2026-11-23T10:00:00Z",
    ]) {
      expect((await get(`/admin/oauth/tokens?${wrong}`, admin)).status, wrong).toBe(400);
    }
    expect((await get("/admin/oauth/tokens", admin)).status).toBe(400);
    expect((await get("/admin/oauth/sessions?user_id=a&client_id=b", admin)).status).toBe(400);
    expect((await get("/admin/oauth/actions?target_kind=user", admin)).status).toBe(400);
    expect((await get("/admin/oauth/actions?target_kind=sheep&target_id=a", admin)).status).toBe(
      400,
    );
  });
});

describe("alert routes", () => {
  it("acknowledge an alert, add a note and record a verdict", async () => {
    const { get, admin } = scene();
    const { body } = await get("/admin/oauth/alerts", admin);
    const [{ alert_id }] = body.open;
    const review = await post("alert-reviews", { alert_id, acknowledge: true, note: "mine" });
    expect(review.body).toMatchObject({ acknowledged_by: "ada", notes: [{ text: "mine" }] });
    await post("alert-reviews", { alert_id, verdict: "true" });
    const { body: after } = await get("/admin/oauth/alerts", admin);
    expect(after.open[0].review).toMatchObject({ verdict: "true", acknowledged_by: "ada" });
    expect((await post("alert-reviews", { alert_id: "none", verdict: "true" })).status).toBe(404);
    expect((await post("alert-reviews", { alert_id })).status).toBe(400);
  });
});

describe("command line", () => {
  const getText = async (report: Promise<{ readonly text: string }>) => (await report).text;

  it("counts the tokens that a revocation would affect in a dry run, and then revokes them", async () => {
    const { get } = scene();
    const target = stackTarget(scene());
    const { secret } = await issue("app", "cli-user");
    await issue("app", "cli-user");
    const options = { user: "cli-user", reason: "lost laptop", as: "kim" };
    expect(await getText(revoke(target, { ...options, dryRun: true }))).toBe(
      "The revocation of user cli-user would affect 2 active tokens and 0 active sessions. Nothing was changed.",
    );
    expect((await get("/api/x", secret)).status).toBe(200);
    expect(await getText(revoke(target, options))).toMatch(
      /^Action [\w-]+: the revocation of user cli-user is done\. It affected 2 active tokens and 0 active sessions\.$/,
    );
    expect((await get("/api/x", secret)).status).toBe(401);
    expect(await getText(tokensList(target, { user: "cli-user" }))).toBe("No active tokens.");
    const listed = await getText(actionsList(target, { user: "cli-user" }));
    expect(listed).toContain("lost laptop");
    expect(listed).toContain("kim");
  });

  it("counts all tokens before it revokes them, and skips the prompt only with --yes", async () => {
    const target = stackTarget(scene());
    const options = { all: true, reason: "the key leaked", issuedBefore: "2020-01-01T00:00:00Z" };
    expect(await getText(revoke(target, { ...options, dryRun: true }))).toBe(
      "The revocation of all principals would affect 0 active tokens and 0 active sessions. Nothing was changed.",
    );
    expect(await getText(revoke(target, options))).toBe(
      "Nothing was changed. To confirm without a prompt, add --yes.",
    );
    expect(await getText(revoke(target, { ...options, yes: true }))).toMatch(
      /the revocation of all principals is done\./,
    );
    await expect(async () =>
      revoke(target, { ...options, user: "ada", dryRun: true }),
    ).rejects.toThrow("give exactly one target");
  });

  it("blocks an address for several hours, and releases it", async () => {
    const { get, caller } = scene();
    const target = stackTarget(scene());
    const from = (ip: string) => get("/api/x", caller, { "x-forwarded-for": ip });
    const report = await block(target, { address: "192.0.2.9", hours: 4, reason: "guesses" });
    expect((await from("192.0.2.9")).status).toBe(403);
    expect((await from("192.0.2.10")).status).toBe(200);
    const { action_id } = report.json as { readonly action_id: string };
    expect(await getText(release(target, action_id, { reason: "it was us" }))).toBe(
      "The block of address 192.0.2.9 is released.",
    );
    expect((await from("192.0.2.9")).status).toBe(200);
  });

  it("reports invalid arguments without taking any action", async () => {
    const target = stackTarget(scene());
    const reason = "no reason";
    await expect(async () => block(target, { user: "cli-user", reason })).rejects.toThrow(
      "a block needs an end time",
    );
    await expect(async () => revoke(target, { reason })).rejects.toThrow("give exactly one target");
    await expect(async () => revoke(target, { user: "a", client: "b", reason })).rejects.toThrow(
      "give exactly one target",
    );
    await expect(async () => revoke(target, { address: "192.0.2.9", reason })).rejects.toThrow(
      "block it",
    );
  });
});

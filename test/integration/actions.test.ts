import { describe, expect, it } from "vitest";
import { authorize } from "../../shared/authorization/authorize.ts";
import { LOG, MAX_DENY_LIST_ENTRIES, toSeq } from "../../shared/authorization/deny-list-entry.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { StoredDenyList } from "../../shared/authorization/stored-deny-list.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, startSession } from "../../shared/index.ts";
import type { ActionRequest } from "../../shared/response/action.ts";
import { listActionsOfState, listActionsOfTarget } from "../../shared/response/action-store.ts";
import { approveAction, rejectAction, releaseAction } from "../../shared/response/decide-action.ts";
import { settleEverything } from "../../shared/response/everything.ts";
import { settleActions } from "../../shared/response/settle-actions.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { fillTable } from "../bench/fill-table.ts";
import { createWorld } from "./store.ts";
import { throttled } from "./store-traffic.ts";

const ADMIN = { kind: "administrator", id: "root" } as const;

/** Creates a world with three adapters, each a separate process that has handled a call before. */
async function scene() {
  const world = await createWorld({
    routes: [{ path: "/mcp", scopes: ["api:read"], session: "required" }],
  });
  const { time } = world;
  const events: OAuthEvent[] = [];
  const sink = { publish: async (batch: readonly OAuthEvent[]) => void events.push(...batch) };
  const context = { ...world.context, sink };
  const adapters = [0, 7, 15].map((copy) => new StoredDenyList(world.context, copy));
  const issue = (userId: string | undefined = "ada", clientId = "app") =>
    issueToken(context, { clientId, userId, scopes: ["api:read"], expiresInSeconds: 86_400 });
  const deferred: (() => Promise<unknown>)[] = [];
  const callAt = (denyList: StoredDenyList, secret: string, over: Partial<ProtectedRequest>) =>
    authorize(
      { ...context, denyList, defer: (task) => deferred.push(task) },
      {
        method: "GET",
        path: "/api/data",
        authorization: [`Bearer ${secret}`],
        ip: "203.0.113.9",
        requestId: "r-1",
        ...over,
      },
    );
  /** Returns the response from the three adapters, which must all agree. */
  const verdict = async (secret: string, over: Partial<ProtectedRequest> = {}) => {
    const decisions = await Promise.all(adapters.map((adapter) => callAt(adapter, secret, over)));
    await Promise.all(deferred.splice(0).map((task) => task()));
    const verdicts = new Set(
      decisions.map((decision) => ("reason" in decision ? decision.reason : decision.outcome)),
    );
    expect(verdicts.size).toBe(1);
    return [...verdicts][0];
  };
  const take = (request: Partial<ActionRequest> & Pick<ActionRequest, "kind" | "target">) =>
    takeAction(context, { reason: "stolen", actor: ADMIN, ...request });
  const inAnHour = () => toInstant(time.nowMs + HOUR_MS);
  const ofType = (type: string) => events.filter(({ event_type }) => event_type === type);
  return { world, context, time, events, adapters, issue, verdict, take, inAnHour, ofType, callAt };
}

describe("revocation", () => {
  it("denies a user's earlier tokens at every adapter, and no other tokens", async () => {
    const { issue, verdict, take, time, ofType } = await scene();
    const [first, second, other] = [await issue(), await issue(), await issue("bob")];
    expect(await verdict(first.secret)).toBe("allowed");
    const action = await take({ kind: "revoke", target: { kind: "user", id: "ada" } });
    expect(action).toMatchObject({
      state: "done",
      hits: { tokens: 2, sessions: 0, more: false },
      tokens_revoked: 2,
      settled: true,
    });
    expect(await verdict(first.secret)).toBe("revoked_token");
    expect(await verdict(second.secret)).toBe("revoked_token");
    expect(await verdict(other.secret)).toBe("allowed");
    time.nowMs += 2;
    expect(await verdict((await issue()).secret)).toBe("allowed");
    expect(ofType("action_taken")).toMatchObject([
      { user_id: "ada", event_data: { action: "revoke", reason: "stolen", actor: ADMIN } },
    ]);
    // Each token is counted once even when it is denied again later.
    expect(new Set(ofType("token_revoked").map(({ id }) => id)).size).toBe(2);
  });

  it("denies a client's tokens issued before an instant, and still allows later ones", async () => {
    const { issue, verdict, take, time } = await scene();
    const old = await issue("ada", "app");
    time.nowMs += HOUR_MS;
    const issuedBefore = toInstant(time.nowMs - MINUTE_MS);
    const later = await issue("bob", "app");
    await take({ kind: "revoke", target: { kind: "client", id: "app" }, issuedBefore });
    expect(await verdict(old.secret)).toBe("revoked_token");
    expect(await verdict(later.secret)).toBe("allowed");
  });

  it("denies a single token, and reports an error for an unknown token without storing anything", async () => {
    const { context, issue, verdict, take } = await scene();
    const { secret, token } = await issue();
    const action = await take({ kind: "revoke", target: { kind: "token", id: token.token_id } });
    expect(action).toMatchObject({ state: "done", hits: { tokens: 1 }, settled: true });
    expect(await verdict(secret)).toBe("revoked_token");
    await expect(take({ kind: "revoke", target: { kind: "token", id: "nobody" } })).rejects.toThrow(
      /there is no token nobody/,
    );
    expect(await listActionsOfState(context, "pending", 10)).toEqual([]);
  });

  it("ends a session without revoking its token", async () => {
    const { context, issue, verdict, take, ofType } = await scene();
    const { secret } = await issue();
    const request = { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 600 };
    const { secret: sessionSecret, session } = await startSession(context, request);
    const mcp = { path: "/mcp", sessionSecret };
    expect(await verdict(secret, mcp)).toBe("allowed");
    const target = { kind: "session", id: session.session_id } as const;
    expect(await take({ kind: "revoke", target })).toMatchObject({ hits: { sessions: 1 } });
    expect(await verdict(secret, mcp)).toBe("unknown_session");
    expect(await verdict(secret)).toBe("allowed");
    expect(ofType("session_ended")).toHaveLength(1);
  });

  it("denies every earlier token and session when it targets everything, and later runs mark each once", {
    timeout: 60_000,
  }, async () => {
    const { context, world, issue, verdict, take, time, ofType } = await scene();
    const tokens = await Promise.all(
      Array.from({ length: 30 }, (_, n) => issue(`user-${n}`, `client-${n % 3}`)),
    );
    const request = { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 600 };
    const { secret: sessionSecret } = await startSession(context, request);
    const before = tokens[0]?.secret ?? "";
    const revocation = { kind: "revoke", target: { kind: "all" } } as const;
    const dry = await take({ ...revocation, mode: "dry_run" });
    expect(dry).toMatchObject({ state: "dry_run", hits: { tokens: 30, sessions: 1, more: false } });
    expect(await verdict(before)).toBe("allowed");

    const action = await take(revocation);
    expect(action).toMatchObject({ state: "done", tokens_revoked: 0, settled: false });
    for (const { secret } of tokens) expect(await verdict(secret)).toBe("revoked_token");
    time.nowMs += 2;
    const later = await issue("ada");
    expect(await verdict(later.secret)).toBe("allowed");
    expect(await verdict(later.secret, { path: "/mcp", sessionSecret })).toBe("revoked_session");

    // Several runs each handle a part of the tokens.
    const counted = () => new Set(ofType("token_revoked").map(({ id }) => id)).size;
    let pending = action;
    for (let n = 0; !pending.settled && n < 100; n += 1) {
      pending = await settleEverything(context, pending, 4);
    }
    expect(pending.settled).toBe(true);
    expect(counted()).toBe(30);
    const settling = { ...context, logger: world.context.logger };
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).settled).toBe(0);
    expect(counted()).toBe(30);
    expect(ofType("session_ended")).toHaveLength(1);
    expect(await verdict(later.secret)).toBe("allowed");
    expect(await verdict(before)).toBe("revoked_token");
  });

  it("leaves marking to later runs when it targets everything, with or without an instant", async () => {
    const { context, world, issue, verdict, take, time } = await scene();
    const old = await issue("ada");
    time.nowMs += HOUR_MS;
    const issuedBefore = toInstant(time.nowMs - MINUTE_MS);
    const fresh = await issue("bob");
    const action = await take({ kind: "revoke", target: { kind: "all" }, issuedBefore });
    expect(action.hits.tokens).toBe(1);
    const settling = { ...context, logger: world.context.logger };
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).settled).toBe(1);
    expect(await verdict(old.secret)).toBe("revoked_token");
    expect(await verdict(fresh.secret)).toBe("allowed");
    const [done] = await listActionsOfTarget(context, { kind: "all", id: "all" }, 5);
    expect(done).toMatchObject({ tokens_revoked: 1, settled: true });
  });

  it("accepts everything as a target, unlike a block or a proposal", async () => {
    const { take, inAnHour } = await scene();
    const target = { kind: "all" } as const;
    await expect(take({ kind: "block", target, until: inAnHour() })).rejects.toThrow(
      /all principals cannot be blocked/,
    );
    await expect(take({ kind: "revoke", target, mode: "propose" })).rejects.toThrow(
      /cannot be proposed/,
    );
  });

  it("takes effect immediately for many tokens, and later runs mark each token once", async () => {
    const { context, world, issue, verdict, take, time, ofType } = await scene();
    const tokens = await Promise.all(Array.from({ length: 130 }, () => issue()));
    const action = await take({ kind: "revoke", target: { kind: "user", id: "ada" } });
    expect(action).toMatchObject({ hits: { tokens: 130 }, tokens_revoked: 100, settled: false });
    for (const { secret } of tokens.slice(0, 5))
      expect(await verdict(secret)).toBe("revoked_token");
    const settling = { ...context, logger: world.context.logger };
    const run = await settleActions(settling, time.nowMs + MINUTE_MS);
    expect(run).toEqual({ completed: 0, settled: 1, expired: 0 });
    expect(new Set(ofType("token_revoked").map(({ event_data }) => event_data.token_id)).size).toBe(
      130,
    );
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).settled).toBe(0);
    for (const { secret } of tokens.slice(-5)) expect(await verdict(secret)).toBe("revoked_token");
  });
});

describe("block", () => {
  it.each([
    ["user", "ada", "blocked_user"],
    ["client", "app", "blocked_client"],
    ["address", "203.0.113.9", "blocked_address"],
    ["address", "::ffff:203.0.113.9", "blocked_address"],
    ["network", "203.0.112.0/23", "blocked_network"],
  ] as const)(
    "on the %s %s denies calls until it ends or is released",
    async (kind, id, reason) => {
      const { context, issue, verdict, take, time, inAnHour, ofType } = await scene();
      const { secret } = await issue();
      const target = { kind, id };
      expect(await verdict(secret)).toBe("allowed");
      const first = await take({ kind: "block", target, until: inAnHour() });
      expect(await verdict(secret)).toBe(reason);
      expect(ofType("auth_failed").at(-1)).toMatchObject({
        event_data: { reason, action_id: first.action_id },
      });
      time.nowMs += HOUR_MS;
      expect(await verdict(secret)).toBe("allowed");

      const second = await take({ kind: "block", target, until: inAnHour() });
      expect(await verdict(secret)).toBe(reason);
      const decision = { actionId: second.action_id, actor: ADMIN, reason: "it was us" };
      expect((await releaseAction(context, decision)).state).toBe("released");
      expect(await verdict(secret)).toBe("allowed");
      // A new process reads the same list.
      const fresh = new StoredDenyList(context);
      expect((await fresh.current(time.nowMs)).findAddressBlock("203.0.113.9", time.nowMs)).toBe(
        undefined,
      );
      expect((await releaseAction(context, decision)).state).toBe("released");
      expect(ofType("action_released")).toHaveLength(1);
    },
  );

  it("on a token or a session denies only that token or session", async () => {
    const { context, issue, verdict, take, inAnHour } = await scene();
    const [one, other] = [await issue(), await issue()];
    const request = { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 600 };
    const [blocked, free] = [
      await startSession(context, request),
      await startSession(context, request),
    ];
    const inSession = (sessionSecret: string) =>
      verdict(other.secret, { path: "/mcp", sessionSecret });
    const until = inAnHour();
    await take({ kind: "block", target: { kind: "token", id: one.token.token_id }, until });
    const { session_id } = blocked.session;
    await take({ kind: "block", target: { kind: "session", id: session_id }, until });
    expect(await verdict(one.secret)).toBe("blocked_token");
    expect(await verdict(other.secret)).toBe("allowed");
    expect(await inSession(blocked.secret)).toBe("blocked_session");
    expect(await inSession(free.secret)).toBe("allowed");
  });

  it("ends automatically, and is recorded as expired once", async () => {
    const { context, world, take, time, inAnHour, ofType } = await scene();
    await take({ kind: "block", target: { kind: "user", id: "ada" }, until: inAnHour() });
    const settling = { ...context, logger: world.context.logger };
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).expired).toBe(0);
    time.nowMs += HOUR_MS;
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).expired).toBe(1);
    expect((await settleActions(settling, time.nowMs + MINUTE_MS)).expired).toBe(0);
    expect(ofType("action_expired")).toHaveLength(1);
  });

  it("costs one read unit if no block exists, and one more round trip after a change", async () => {
    const { world, issue, verdict, take, inAnHour, adapters, callAt } = await scene();
    const { secret } = await issue();
    await verdict(secret);
    world.traffic.reset();
    const [adapter] = adapters as [StoredDenyList, ...StoredDenyList[]];
    const counted = async () => {
      world.traffic.reset();
      await callAt(adapter, secret, {});
      const { roundTrips, readUnits, writeUnits } = world.traffic;
      return { requests: roundTrips, readUnits, writeUnits };
    };
    world.time.nowMs += 1;
    // Reads the token and the deny list's position in parallel.
    expect(await counted()).toEqual({ requests: 2, readUnits: 1, writeUnits: 1 });
    await take({ kind: "block", target: { kind: "user", id: "eve" }, until: inAnHour() });
    world.time.nowMs += 1;
    expect(await counted()).toEqual({ requests: 3, readUnits: 2, writeUnits: 1 });
    world.time.nowMs += 1;
    expect(await counted()).toEqual({ requests: 2, readUnits: 1, writeUnits: 1 });
  });
});

describe("action", () => {
  it("is created once per idempotency key, and a key cannot be reused for a different action", async () => {
    const { take, inAnHour, context, ofType } = await scene();
    const block = { kind: "block", until: inAnHour(), idempotencyKey: "k-1" } as const;
    const target = { kind: "user", id: "ada" } as const;
    const twice = await Promise.all([take({ ...block, target }), take({ ...block, target })]);
    expect(new Set(twice.map(({ action_id }) => action_id)).size).toBe(1);
    expect((await take({ ...block, target })).state).toBe("done");
    await expect(take({ ...block, target: { kind: "user", id: "bob" } })).rejects.toThrow(
      /belongs to another request/,
    );
    expect(new Set(ofType("action_taken").map(({ id }) => id)).size).toBe(1);
    expect(await listActionsOfTarget(context, target, 10)).toHaveLength(1);
  });

  it("is rejected if its idempotency key was used with a different request digest", async () => {
    const { take, inAnHour, context } = await scene();
    const target = { kind: "user", id: "ada" } as const;
    const block = { kind: "block", target, until: inAnHour(), idempotencyKey: "k-2" } as const;
    const first = await take({ ...block, requestDigest: "a" });
    expect((await take({ ...block, requestDigest: "a" })).action_id).toBe(first.action_id);
    await expect(take({ ...block, requestDigest: "b" })).rejects.toThrow(
      /belongs to another request/,
    );
    expect(await listActionsOfTarget(context, target, 10)).toHaveLength(1);
  });

  it.each([
    ["no end", { kind: "block", target: { kind: "user", id: "a" } }, /until: a block needs an end/],
    [
      "an end in the past",
      { kind: "block", target: { kind: "user", id: "a" }, until: "2020-01-01T00:00:00Z" },
      /until: it is in the past/,
    ],
    [
      "a revocation with an end",
      { kind: "revoke", target: { kind: "user", id: "a" }, until: "2026-11-23T11:00:00Z" },
      /until: a revocation is permanent/,
    ],
    [
      "a revocation of an address",
      { kind: "revoke", target: { kind: "address", id: "203.0.113.9" } },
      /target: an address or a network cannot be revoked/,
    ],
    [
      "half the Internet",
      {
        kind: "block",
        target: { kind: "network", id: "0.0.0.0/1" },
        until: "2026-11-23T11:00:00Z",
      },
      /too large\. Use a prefix of \/8/,
    ],
    [
      "no address",
      {
        kind: "block",
        target: { kind: "address", id: "localhost" },
        until: "2026-11-23T11:00:00Z",
      },
      /target\.id: an IPv4 or IPv6 address/,
    ],
  ] as const)("is rejected with %s", async (_, request, message) => {
    const { take } = await scene();
    await expect(take(request)).rejects.toThrow(message);
  });

  it("redacts a token in its reason", async () => {
    const { take, issue, context, inAnHour, events } = await scene();
    const { secret } = await issue();
    const target = { kind: "user", id: "ada" } as const;
    await take({ kind: "block", target, until: inAnHour(), reason: `leaked ${secret}` });
    const kept = JSON.stringify([await listActionsOfTarget(context, target, 10), events]);
    expect(kept).not.toContain(secret);
    expect(kept).toContain("sha256:");
  });

  it("has no effect while it is proposed or a dry run, and can be approved once", async () => {
    const { context, take, issue, verdict, inAnHour, ofType, time } = await scene();
    const { secret } = await issue();
    const target = { kind: "user", id: "ada" } as const;
    const dry = await take({ kind: "revoke", target, mode: "dry_run" });
    expect(dry).toMatchObject({ state: "dry_run", hits: { tokens: 1 } });
    const proposed = await take({ kind: "block", target, until: inAnHour(), mode: "propose" });
    const rejected = await take({ kind: "revoke", target, mode: "propose" });
    expect(await verdict(secret)).toBe("allowed");

    const decision = { actionId: proposed.action_id, actor: ADMIN, reason: "agreed" };
    time.nowMs += MINUTE_MS;
    const approved = await approveAction(context, decision);
    expect(approved).toMatchObject({ state: "done", until: inAnHour(), decided_by: ADMIN });
    expect(await verdict(secret)).toBe("blocked_user");
    await expect(approveAction(context, decision)).rejects.toThrow(/the action is done/);
    await rejectAction(context, { ...decision, actionId: rejected.action_id });
    await expect(
      approveAction(context, { ...decision, actionId: rejected.action_id }),
    ).rejects.toThrow(/the action is rejected/);
    for (const type of ["action_dry_run", "action_taken", "action_rejected"]) {
      expect(ofType(type)).toHaveLength(1);
    }
    expect(ofType("action_proposed")).toHaveLength(2);
  });

  it("either succeeds under throttling, or reports failure and is completed by a retry", async () => {
    for (const operation of ["PutItem", "UpdateItem", "GetItem", "Query"]) {
      for (let index = 0; index < 4; index += 1) {
        const { world, take, issue, verdict, inAnHour } = await scene();
        const { secret } = await issue();
        world.traffic.reset();
        let isStruck = false;
        world.traffic.fault = (call) => {
          if (isStruck || call.operation !== operation || call.index !== index) return undefined;
          isStruck = true;
          return { error: throttled(), afterwards: index % 2 === 1 };
        };
        const request = {
          kind: "block",
          target: { kind: "user", id: "ada" },
          until: inAnHour(),
          idempotencyKey: "k-1",
        } as const;
        const first = await take(request).catch((error: Error) => error.name);
        world.traffic.fault = undefined;
        if (typeof first === "object") expect(await verdict(secret)).toBe("blocked_user");
        else expect(first).toBe("ThrottlingException");
        expect((await take(request)).state).toBe("done");
        expect(await verdict(secret)).toBe("blocked_user");
      }
    }
  });

  it("is rejected when the deny list is full, while a release still works", {
    timeout: 60_000,
  }, async () => {
    const { context, take, inAnHour, issue, verdict } = await scene();
    const { secret } = await issue();
    const target = { kind: "user", id: "ada" } as const;
    const { action_id } = await take({ kind: "block", target, until: inAnHour() });
    await fillTable(context.db, context.denyListTable, MAX_DENY_LIST_ENTRIES - 1, (n) => ({
      list: LOG,
      seq: toSeq(n + 2),
      effect: "block",
      action_id: `storm-${n}`,
      target_kind: "address",
      target_id: "192.0.2.1",
      until: inAnHour(),
    }));
    const storm = take({
      kind: "block",
      target: { kind: "user", id: "mallory" },
      until: inAnHour(),
      idempotencyKey: "one-too-many",
    });
    await expect(storm).rejects.toThrow(/the deny list is full \(10000 blocks and revocations\)/);
    expect(await verdict(secret)).toBe("blocked_user");
    await releaseAction(context, { actionId: action_id, actor: ADMIN, reason: "room" });
    expect(await verdict(secret)).toBe("allowed");
    const retried = await take({
      kind: "block",
      target: { kind: "user", id: "mallory" },
      until: inAnHour(),
      idempotencyKey: "one-too-many",
    });
    expect(retried.state).toBe("done");
  });

  it("makes adapters deny calls when they cannot read the deny list", async () => {
    const { world, issue, callAt, adapters } = await scene();
    const { secret } = await issue();
    world.traffic.fault = ({ operation }) =>
      operation === "GetItem" ? { error: throttled() } : undefined;
    const [adapter] = adapters as [StoredDenyList, ...StoredDenyList[]];
    expect((await callAt(adapter, secret, {})).outcome).toBe("unavailable");
  });
});

describe("calls that race with actions", () => {
  it("are denied by every adapter if they start after the action is confirmed", {
    timeout: 30_000,
  }, async () => {
    const { issue, take, inAnHour, adapters, callAt } = await scene();
    const users = Array.from({ length: 12 }, (_, n) => `user-${n}`);
    const tokens = await Promise.all([...users, "somebody-else"].map((user) => issue(user)));
    const confirmed = new Set<number>();
    let isOver = false;
    const wrong: string[] = [];
    const caller = async (adapter: StoredDenyList) => {
      while (!isOver) {
        for (const [n, { secret }] of tokens.entries()) {
          const wasConfirmed = confirmed.has(n);
          const { outcome } = await callAt(adapter, secret, {});
          if (wasConfirmed && outcome === "allowed") wrong.push(`user-${n}`);
        }
      }
    };
    const calling = adapters.map(caller);
    await Promise.all(
      users.map(async (id, n) => {
        const target = { kind: "user", id } as const;
        await take(
          n % 2 === 0 ? { kind: "block", target, until: inAnHour() } : { kind: "revoke", target },
        );
        confirmed.add(n);
      }),
    );
    await take({ kind: "revoke", target: { kind: "all" } });
    confirmed.add(users.length);
    await new Promise((resolve) => setTimeout(resolve, 200));
    isOver = true;
    await Promise.all(calling);
    expect(confirmed.size).toBe(tokens.length);
    expect(wrong).toEqual([]);
    for (const { secret } of tokens) {
      const [adapter] = adapters as [StoredDenyList, ...StoredDenyList[]];
      expect((await callAt(adapter, secret, {})).outcome).not.toBe("allowed");
    }
  });
});

import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { authorize } from "../../shared/authorization/authorize.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import { keepResolved, listAlerts, saveAlert } from "../../shared/detection/alert-store.ts";
import { keepAlerts } from "../../shared/detection/detect-anomalies.ts";
import { readSnapshot } from "../../shared/detection/read-snapshot.ts";
import { reviewAlert, verdictFigures, withReviews } from "../../shared/detection/verdicts.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken } from "../../shared/index.ts";
import type { Action } from "../../shared/response/action.ts";
import { listActionsOfTarget } from "../../shared/response/action-store.ts";
import { applyPolicies } from "../../shared/response/apply-policies.ts";
import { rejectAction, releaseAction } from "../../shared/response/decide-action.ts";
import { notifyProposals, proposalNotification } from "../../shared/response/notify-proposals.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { sampleAlert } from "../sample-alert.ts";
import { createWorld } from "./store.ts";
import { throttled } from "./store-traffic.ts";

type Responses = NonNullable<MonitoringConfigInput["responses"]>;

async function scene(responses: Responses, config: MonitoringConfigInput = {}) {
  const world = await createWorld({ responses, ...config });
  const proposals: Action[] = [];
  const context = {
    ...world.context,
    notifyProposal: async (action: Action) => void proposals.push(action),
  };
  /** Opens an alert about an address or another subject. */
  const alert = async (
    subject: { kind: "client" | "ip" | "token" | "user"; id: string },
    incident = "",
    over: Partial<Alert> = {},
  ) => {
    const open = sampleAlert({
      alert_id: `failure_burst#${subject.kind}#${subject.id}${incident}`,
      subject,
      opened_at: toInstant(world.time.nowMs),
      last_seen_at: toInstant(world.time.nowMs),
      event_id: randomUUID(),
      ...over,
    });
    await saveAlert(world, open, undefined);
    return open;
  };
  const run = async () => {
    const { taken, proposed, dryRun } = await applyPolicies(context);
    return { taken: taken.length, proposed: proposed.length, dryRun: dryRun.length };
  };
  const getActions = (ip: string) => listActionsOfTarget(world, { kind: "address", id: ip }, 10);
  /** Issues a token and returns the authorizer's decision about a call with it, after its deferred work. */
  const caller = async (clientId: string, userId: string, scopes: readonly string[]) => {
    const { token, secret } = await issueToken(world.context, {
      clientId,
      userId,
      scopes: [...scopes],
      expiresInSeconds: 3600,
    });
    const call = async (path: string, ip: string, sink = world.context.sink) => {
      const deferred: (() => Promise<unknown>)[] = [];
      const defer = (task: () => Promise<unknown>) => void deferred.push(task);
      const decision = await authorize(
        { ...world.context, sink, defer },
        { method: "GET", path, ip, authorization: [`Bearer ${secret}`], requestId: "r-1" },
      );
      world.traffic.reset();
      await Promise.all(deferred.map((task) => task()));
      return decision.outcome;
    };
    return { token, call };
  };
  return { world, context, proposals, alert, run, getActions, caller };
}

const burst = (policy: NonNullable<Responses["rules"]>[string], more: Responses = {}) =>
  scene({ rules: { failure_burst: policy }, ...more });

const NOTHING = { taken: 0, proposed: 0, dryRun: 0 };

describe("policy", () => {
  it("does nothing about an alert from a different rule", async () => {
    const { alert, run } = await scene({ rules: { token_theft: { mode: "enforce" } } });
    await alert({ kind: "ip", id: "203.0.113.9" });
    expect(await run()).toEqual(NOTHING);
  });

  it.each([
    ["enforce", { ...NOTHING, taken: 1 }, "done"],
    ["propose", { ...NOTHING, proposed: 1 }, "proposed"],
    ["dry_run", { ...NOTHING, dryRun: 1 }, "dry_run"],
  ] as const)(
    "with the mode %s acts on an alert once, and its action has an end",
    async (mode, wanted, state) => {
      const { world, alert, run, getActions, proposals } = await burst({ mode, blockMinutes: 30 });
      const { alert_id } = await alert({ kind: "ip", id: "203.0.113.9" });
      expect(await run()).toEqual(wanted);
      expect(await run()).toEqual(NOTHING);
      expect(await getActions("203.0.113.9")).toMatchObject([
        {
          kind: "block",
          state,
          alert_id,
          actor: { kind: "policy", id: "failure_burst" },
          until: toInstant(world.time.nowMs + 30 * MINUTE_MS),
        },
      ]);
      expect(proposals).toHaveLength(mode === "propose" ? 1 : 0);
    },
  );

  it("revokes a token, and ignores alerts that are already handled", async () => {
    const { world, alert, run } = await burst({ mode: "enforce", action: "revoke" });
    const { token } = await issueToken(world.context, {
      clientId: "app",
      scopes: ["api:read"],
      expiresInSeconds: 3600,
    });
    await alert({ kind: "token", id: token.token_id });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
    const types = () => world.published.map(({ event_type }) => event_type);
    expect(types().filter((type) => type === "token_revoked")).toHaveLength(1);
    // None of the published events is a failure or suspicious, so no rule has anything to read.
    expect(types().filter((type) => /failed|violation|suspicious/.test(type))).toEqual([]);
  });

  it("only proposes actions above the hourly limit", async () => {
    const { world, alert, run, proposals } = await burst(
      { mode: "enforce" },
      { actionsPerHour: 3 },
    );
    for (let n = 0; n < 8; n += 1) await alert({ kind: "ip", id: `203.0.113.${n}` });
    expect(await run()).toEqual({ taken: 3, proposed: 5, dryRun: 0 });
    expect(proposals).toHaveLength(5);
    world.time.nowMs += HOUR_MS;
    await alert({ kind: "ip", id: "203.0.113.99" });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
  });

  it("does nothing if the limit is 0", async () => {
    const { alert, run } = await burst({ mode: "enforce" }, { actionsPerHour: 0 });
    await alert({ kind: "ip", id: "203.0.113.9" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
  });

  it("makes no second proposal against an address while the first is pending", async () => {
    const { alert, run } = await burst({ mode: "propose" });
    await alert({ kind: "ip", id: "203.0.113.9" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
    await alert({ kind: "ip", id: "203.0.113.9" }, "#of-another-client");
    await alert({ kind: "ip", id: "203.0.113.10" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
  });

  it("never acts against a subject on the allow list or callers without a client", async () => {
    const { alert, run } = await burst(
      { mode: "enforce" },
      { allow: { clients: ["monitor"], networks: ["198.51.100.0/24"] } },
    );
    await alert({ kind: "client", id: "monitor" });
    await alert({ kind: "client", id: "(none)" });
    await alert({ kind: "ip", id: "198.51.100.7" });
    expect(await run()).toEqual(NOTHING);
  });

  it("only proposes actions against administrators, so that the last one is never locked out", async () => {
    const { alert, run, caller } = await burst({ mode: "enforce" });
    const { token, call } = await caller("ops", "root", ["oauth:admin", "oauth:respond"]);
    expect(await call("/admin/oauth/alerts", "192.0.2.7")).toBe("allowed");
    await alert({ kind: "token", id: token.token_id });
    await alert({ kind: "client", id: "ops" });
    await alert({ kind: "user", id: "root" });
    await alert({ kind: "ip", id: "192.0.2.7" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 4 });
  });

  it("recognizes an administrator's IP address without the address index, after any number of other calls", async () => {
    const { world, alert, run, caller } = await scene(
      { rules: { failure_burst: { mode: "enforce" } } },
      { tracking: { addressIndex: "security_events" } },
    );
    const admin = await caller("ops", "root", ["oauth:admin"]);
    expect(await admin.call("/admin/oauth/alerts", "192.0.2.7")).toBe("allowed");
    world.time.nowMs += 2 * DAY_MS;
    const other = await caller("app", "ada", ["api:read"]);
    for (let n = 0; n < 201; n += 1) await other.call(`/api/${n}`, "192.0.2.7");
    await alert({ kind: "ip", id: "192.0.2.7" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
  });

  it("recognizes an administrator whose token has expired", async () => {
    const { world, alert, run, caller } = await burst({ mode: "enforce" });
    const { call } = await caller("ops", "root", ["oauth:admin", "oauth:respond"]);
    await call("/admin/oauth/alerts", "192.0.2.7");
    world.time.nowMs += DAY_MS;
    await alert({ kind: "user", id: "root" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
    world.time.nowMs += 30 * DAY_MS;
    await alert({ kind: "client", id: "ops" });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
  });

  it("does not mistake an attacker for an administrator because of requested paths or denied calls", async () => {
    const { world, context, alert, run, caller } = await burst({ mode: "enforce" });
    const attacker = await caller("app", "mallory", ["api:read", "api:write"]);
    expect(await attacker.call("/admin/oauth/alerts", "203.0.113.9")).toBe("insufficient_scope");
    expect(await attacker.call("/api/x/admin/oauth/alerts", "203.0.113.9")).toBe("allowed");
    const used = { endpoint: "/admin/oauth/alerts", method: "GET", ip: "203.0.113.9" };
    await context.sink.publish([
      createEvent({ eventType: "token_used", clientId: "app", details: used }, world.time.nowMs),
    ]);
    await alert({ kind: "ip", id: "203.0.113.9" });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
  });

  it("blocks the /64 of an IPv6 address unless it contains an administrator or an allowed network", async () => {
    const { world, alert, run, caller } = await burst(
      { mode: "enforce" },
      { allow: { networks: ["2001:db8:3:1::7/128", "2001:db8:4::/48"] } },
    );
    const admin = await caller("console", "root", ["oauth:admin"]);
    expect(await admin.call("/admin/oauth/stats", "2001:db8:2:1::9")).toBe("allowed");
    for (const id of ["2001:db8:3:1::/64", "2001:db8:4:1::/64"]) await alert({ kind: "ip", id });
    expect(await run()).toEqual(NOTHING);
    await alert({ kind: "ip", id: "2001:db8:2:1::/64" });
    expect(await run()).toEqual({ ...NOTHING, proposed: 1 });
    await alert({ kind: "ip", id: "2001:db8:1:1::/64" });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
    expect(await run()).toEqual(NOTHING);
    world.time.nowMs += 10_000;
    const user = await caller("app", "ada", ["api:read"]);
    expect(await user.call("/api/x", "2001:db8:1:1:ffff::1")).toBe("blocked");
    expect(await user.call("/api/x", "2001:db8:1:2::1")).toBe("allowed");
  });

  it("recognizes an administrator's IPv6 address by its /64", async () => {
    const { alert, run, caller } = await burst({ mode: "enforce" });
    const { call } = await caller("ops", "root", ["oauth:admin"]);
    await call("/admin/oauth/alerts", "2001:db8:1:2::a");
    await alert({ kind: "ip", id: "2001:db8:1:2:ffff::b" });
    await alert({ kind: "ip", id: "2001:db8:1:3::a" });
    expect(await run()).toEqual({ taken: 1, proposed: 1, dryRun: 0 });
  });

  it("records an administrator's address once in six hours, after the response", async () => {
    const { world, caller } = await burst({ mode: "enforce" });
    const quiet = { publish: async () => {} };
    const countRoundTrips = async ({ call }: Awaited<ReturnType<typeof caller>>, path: string) => {
      expect(await call(path, "192.0.2.7", quiet)).toBe("allowed");
      return world.traffic.roundTrips;
    };
    const admin = await caller("ops", "root", ["oauth:admin", "api:read"]);
    expect(await countRoundTrips(admin, "/api/data")).toBe(0);
    expect(await countRoundTrips(admin, "/admin/oauth/alerts")).toBe(1);
    expect(await countRoundTrips(admin, "/admin/oauth/alerts")).toBe(0);
    world.time.nowMs += 6 * HOUR_MS;
    const later = await caller("ops", "root", ["oauth:admin"]);
    expect(await countRoundTrips(later, "/admin/oauth/alerts")).toBe(1);
  });

  it("never revokes the tokens of a user or client on the allow list", async () => {
    const { alert, run, caller } = await burst(
      { mode: "enforce", action: "revoke" },
      { allow: { users: ["ada"], clients: ["monitor"] } },
    );
    for (const [client, user] of [
      ["app", "ada"],
      ["monitor", "bob"],
      ["app", "bob"],
    ] as const) {
      const { token } = await caller(client, user, ["api:read"]);
      await alert({ kind: "token", id: token.token_id });
    }
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
  });

  it("revokes a stolen token even after decoys have used up the limit for addresses", async () => {
    const { alert, run, caller } = await burst(
      { mode: "enforce", action: "revoke" },
      { actionsPerHour: 3 },
    );
    const { token } = await caller("app", "ada", ["api:read"]);
    for (let n = 0; n < 10; n += 1) await alert({ kind: "ip", id: `203.0.113.${n}` });
    expect(await run()).toEqual({ taken: 3, proposed: 7, dryRun: 0 });
    await alert({ kind: "token", id: token.token_id });
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
  });

  it("acts on the alert with the highest score first", async () => {
    const { alert, run, getActions } = await burst({ mode: "enforce" }, { actionsPerHour: 1 });
    for (let n = 0; n < 3; n += 1) {
      await alert({ kind: "ip", id: `203.0.113.${n}` }, "", { score: 50 });
    }
    await alert({ kind: "ip", id: "198.51.100.1" }, "", { score: 90 });
    expect(await run()).toEqual({ taken: 1, proposed: 3, dryRun: 0 });
    expect(await getActions("198.51.100.1")).toMatchObject([{ state: "done" }]);
  });

  it("notifies about a proposal again after a failed notification", async () => {
    const { context, alert, proposals } = await burst({ mode: "propose" });
    await alert({ kind: "ip", id: "203.0.113.9" });
    const down = { ...context, notifyProposal: () => Promise.reject(new Error("SNS is down")) };
    await applyPolicies(down);
    expect(proposals).toEqual([]);
    for (let n = 0; n < 3; n += 1) await applyPolicies(context);
    expect(proposals).toHaveLength(1);
  });

  it("does not block again while a block is active or after an administrator's release", async () => {
    const { world, context, alert, run, getActions } = await burst({ mode: "enforce" });
    await alert({ kind: "ip", id: "203.0.113.9" });
    await run();
    const [action] = await getActions("203.0.113.9");
    const admin = { kind: "administrator", id: "root" } as const;
    const decision = { actionId: action?.action_id ?? "", actor: admin, reason: "it was us" };
    await releaseAction(context, decision);
    expect(await run()).toEqual(NOTHING);
    expect(await getActions("203.0.113.9")).toHaveLength(1);
    expect(world.context.logger.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("causes no alert with its own block, so it does not act twice", async () => {
    const { world, context, alert, run, getActions } = await burst({ mode: "enforce" });
    await alert({ kind: "ip", id: "203.0.113.9" });
    expect((await run()).taken).toBe(1);
    const [action] = await getActions("203.0.113.9");
    // Further calls from the blocked address, and as many from an address that is not blocked.
    const failures = (ip: string, details: object) =>
      Array.from({ length: 80 }, (_, n) =>
        createEvent(
          { eventType: "auth_failed", details: { ip, endpoint: "/api", ...details } },
          world.time.nowMs + n * 1000,
        ),
      );
    const events = [
      ...failures("203.0.113.9", { reason: "blocked_address", action_id: action?.action_id }),
      ...failures("203.0.113.10", { reason: "unknown_token" }),
    ];
    world.time.nowMs += 2 * MINUTE_MS;
    await storeEvents(world, [...world.published, ...events], {
      clock: world.context.clock,
      registered: new Map(),
    });
    const keeping = { ...context, notify: async () => {} };
    const { opened } = await keepAlerts(keeping, await readSnapshot(context, world.time.nowMs));
    expect(opened.map(({ subject }) => subject.id)).toEqual(["203.0.113.10"]);
    // There is no new finding either, because calls denied by the block don't count as failures.
    const known = (await listAlerts(world, "open")).find(
      ({ subject }) => subject.id === "203.0.113.9",
    );
    expect(known?.detections).toBe(1);
    expect((await run()).taken).toBe(1);
    expect(await getActions("203.0.113.9")).toHaveLength(1);
    expect(await run()).toEqual(NOTHING);
  });

  it("leaves an action that the store interrupts to the next run, which completes it", async () => {
    const { world, alert, run, getActions } = await burst({ mode: "enforce" });
    await alert({ kind: "ip", id: "203.0.113.9" });
    world.traffic.reset();
    world.traffic.fault = ({ operation, index }) =>
      operation === "UpdateItem" && index === 5 ? { error: throttled() } : undefined;
    expect(await run()).toEqual(NOTHING);
    expect((await getActions("203.0.113.9"))[0]?.state).toBe("pending");
    world.traffic.fault = undefined;
    expect(await run()).toEqual({ ...NOTHING, taken: 1 });
    expect((await getActions("203.0.113.9"))[0]?.state).toBe("done");
  });
});

describe("proposal from a received signal", () => {
  const transmitter = {
    name: "idp",
    issuer: "https://idp.example.com/",
    audiences: ["https://sp.example.com"],
  };
  const receiving = async (actions: Record<string, "propose" | "enforce">) => {
    const world = await createWorld({
      signals: { receiver: { transmitters: [{ ...transmitter, actions }] } },
    });
    const proposals: Action[] = [];
    const context = {
      ...world.context,
      notifyProposal: async (action: Action) => void proposals.push(action),
    };
    const propose = (userId: string, kind: "receiver" | "administrator" = "receiver") =>
      takeAction(context, {
        kind: "revoke",
        target: { kind: "user", id: userId },
        mode: "propose",
        reason: "credential-change of idp",
        actor: { kind, id: "idp" },
      });
    return { world, context, proposals, propose };
  };

  it("is sent to the topic once in order of arrival, even if the topic was unavailable at first", async () => {
    const { world, context, proposals, propose } = await receiving({
      "credential-change": "propose",
    });
    await propose("ada");
    world.time.nowMs += MINUTE_MS;
    await propose("bob");
    await propose("root", "administrator");
    const down = { ...context, notifyProposal: () => Promise.reject(new Error("SNS is down")) };
    expect(await notifyProposals(down)).toEqual([]);
    for (let n = 0; n < 3; n += 1) await notifyProposals(context);
    expect(proposals.map(({ target }) => target)).toEqual([
      { kind: "user", id: "ada" },
      { kind: "user", id: "bob" },
    ]);
  });

  it("is not sent to the topic after somebody has approved or rejected it", async () => {
    const { context, proposals, propose } = await receiving({ "credential-change": "propose" });
    const { action_id: actionId } = await propose("ada");
    const actor = { kind: "administrator", id: "root" } as const;
    await rejectAction(context, { actionId, actor, reason: "it was us" });
    expect(await notifyProposals(context)).toEqual([]);
    expect(proposals).toEqual([]);
  });

  it("is not searched for if signals are not configured to propose actions", async () => {
    const { world, context } = await receiving({ "credential-change": "enforce" });
    world.traffic.reset();
    expect(await notifyProposals(context)).toEqual([]);
    expect(world.traffic.roundTrips).toBe(0);
  });
});

describe("notification about a proposal", () => {
  it("states the effect and how to decide, and contains no line injected by a third party", () => {
    const action: Action = {
      action_id: "019a8c1e-2b7d-7c3f-9d52-6f3c1d0b7a11",
      kind: "block",
      target: { kind: "client", id: "app\nApprove nothing" },
      state: "proposed",
      reason: "failure_burst: 60 failed calls",
      actor: { kind: "policy", id: "failure_burst" },
      requested_at: "2026-11-23T10:00:00.000Z",
      until: "2026-11-23T11:00:00.000Z",
      hits: { tokens: 3, sessions: 1, more: false },
    };
    const { subject, text, json } = proposalNotification(action);
    expect(subject).toBe("Approval needed: block client app?Approve nothing");
    expect(text).toContain(`actions approve ${action.action_id}`);
    expect(text).toContain("3 active tokens and 1 active sessions");
    expect(text.split("\n").some((line) => line.startsWith("Approve nothing"))).toBe(false);
    expect(JSON.parse(json)).toMatchObject({ action_id: action.action_id });
  });
});

describe("verdict", () => {
  it("is stored with notes and an acknowledgement, and is an event", async () => {
    const { world, alert } = await burst({});
    const { alert_id } = await alert({ kind: "ip", id: "203.0.113.9" });
    const say = (changes: object) =>
      reviewAlert(world.context, { alertId: alert_id, by: "root", ...changes });
    await say({ acknowledge: true });
    await say({ note: "looks like the load test" });
    await say({ note: "it is", verdict: "false" });
    const [reviewed] = await withReviews(world, await listAlerts(world, "open"));
    expect(reviewed?.review).toMatchObject({
      acknowledged_by: "root",
      verdict: "false",
      notes: [{ text: "looks like the load test" }, { text: "it is", by: "root" }],
    });
    expect((await say({ verdict: "none" })).verdict).toBeUndefined();
    const events = world.published.filter(({ event_type }) => event_type === "alert_reviewed");
    expect(events).toHaveLength(4);
    await expect(say({})).rejects.toThrow(/set acknowledge, note or verdict/);
    await expect(
      reviewAlert(world.context, { alertId: "nobody", by: "root", acknowledge: true }),
    ).rejects.toThrow(/no alert has this id/);
  });

  it("on a replaced alert applies to that alert's rule and subject", async () => {
    const { world, alert } = await burst({});
    const opened = await alert({ kind: "ip", id: "203.0.113.9" });
    const before = { ...opened, state: "resolved" as const };
    await keepResolved(world, before);
    const alertId = `${before.alert_id}#${before.opened_at}`;
    await reviewAlert(world.context, { alertId, by: "root", verdict: "true" });
    const reviewed = await withReviews(world, await listAlerts(world, "open"));
    expect(reviewed).toMatchObject([{ alert_id: opened.alert_id, review: { verdict: "true" } }]);
  });

  it("is counted once per subject in the rule's statistics", () => {
    const judged = (id: string, verdict?: "true" | "false" | "benign", rule = "failure_burst") => ({
      rule,
      subject: { kind: "ip" as const, id },
      review: verdict && { verdict },
    });
    const alerts = [
      judged("a", "true"),
      judged("a", "true"),
      judged("b", "true"),
      judged("c", "false"),
      judged("d", "benign"),
      judged("e"),
      judged("a", undefined, "scraping"),
    ];
    expect(verdictFigures(alerts)).toEqual([
      { rule: "failure_burst", subjects: 5, true: 2, false: 1, benign: 1, precision: 0.5 },
      { rule: "scraping", subjects: 1, true: 0, false: 0, benign: 0 },
    ]);
  });

  it("of benign stops further alerts for the subject and rule, and policies ignore the alert", async () => {
    const { world, context, alert, run } = await burst({ mode: "enforce" });
    const { alert_id } = await alert({ kind: "ip", id: "203.0.113.9" });
    await reviewAlert(world.context, { alertId: alert_id, by: "root", verdict: "benign" });
    expect(await run()).toEqual(NOTHING);
    const nowMs = world.time.nowMs;
    const failing = (value: string) => ({
      clientId: "app",
      value,
      minutes: new Map([[nowMs - MINUTE_MS, 60]]),
    });
    const snapshot = quietSnapshot(nowMs, {
      credentialGuessesByIp: [failing("203.0.113.9"), failing("203.0.113.10")],
    });
    const keeping = { ...context, notify: async () => {} };
    const { opened, muted } = await keepAlerts(keeping, snapshot);
    expect(opened.map(({ subject }) => subject.id)).toEqual(["203.0.113.10"]);
    expect(muted).toBe(1);
  });
});

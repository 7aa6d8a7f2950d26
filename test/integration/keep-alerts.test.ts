import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import {
  AlertChangedError,
  findAlert,
  keepResolved,
  listAlerts,
  listLatestResolved,
  markNotified,
  saveAlert,
} from "../../shared/detection/alert-store.ts";
import { findKnownNetworks } from "../../shared/detection/client-habits.ts";
import { keepAlerts } from "../../shared/detection/detect-anomalies.ts";
import { listMutes, muteClient } from "../../shared/detection/mutes.ts";
import type {
  DetectionSnapshot,
  SubjectCount,
} from "../../shared/detection/rules/detection-snapshot.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { createWorld } from "./store.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

const counted = (nowMs: number, clientId: string, value: string, count: number): SubjectCount => ({
  clientId,
  value,
  minutes: new Map([[nowMs - MINUTE_MS, count]]),
});

async function watched() {
  const world = await createWorld();
  const notified: Alert[] = [];
  const context = { ...world.context, notify: async (alert: Alert) => void notified.push(alert) };
  const keep = (nowMs: number, parts?: Partial<DetectionSnapshot>) => {
    world.time.nowMs = nowMs;
    return keepAlerts(context, quietSnapshot(nowMs, parts));
  };
  return { world, notified, keep };
}

const burst = (nowMs: number, count = 60, ip = "203.0.113.9") => ({
  credentialGuessesByIp: [counted(nowMs, "app", ip, count)],
});

describe("alert", () => {
  it("opens with all known details of the anomaly", async () => {
    const { world, notified, keep } = await watched();
    const run = await keep(NOW, burst(NOW));
    expect(run).toMatchObject({ as_of: toInstant(NOW), resolved: [], open: 1, muted: 0 });
    const alert = await findAlert(world, "failure_burst#ip#203.0.113.9");
    expect(alert).toEqual({
      alert_id: "failure_burst#ip#203.0.113.9",
      state: "open",
      rule: "failure_burst",
      subject: { kind: "ip", id: "203.0.113.9" },
      oauth_client_id: "app",
      risk: "high",
      score: 75,
      findings: [
        {
          rule: "failure_burst",
          subject: { kind: "ip", id: "203.0.113.9" },
          message: expect.stringContaining(
            "60 credential guesses within 10 minutes from 203.0.113.9",
          ),
          score: 75,
          observed: 60,
          first_seen_at: toInstant(NOW),
          last_seen_at: toInstant(NOW),
        },
      ],
      involved: ["ip 203.0.113.9"],
      message: expect.stringContaining("60 credential guesses within 10 minutes from 203.0.113.9"),
      advice: expect.stringContaining("Block the address"),
      opened_at: toInstant(NOW),
      last_seen_at: toInstant(NOW),
      detections: 1,
      observed: 60,
      threshold: 20,
      window_start: toInstant(NOW - 10 * MINUTE_MS),
      window_end: toInstant(NOW),
      evidence: { credential_guesses_by_client: { app: 60 }, allowed_principals: 0, examples: [] },
      event_id: expect.any(String),
      notified: true,
    });
    expect(notified).toEqual([{ ...alert, notified: false }]);
    expect(world.published).toMatchObject([
      {
        id: alert?.event_id,
        event_type: "suspicious_activity",
        occurred_at: toInstant(NOW),
        oauth_client_id: "app",
        event_data: {
          message: alert?.message,
          ip: "203.0.113.9",
          rule: "failure_burst",
          alert_id: alert?.alert_id,
          subject: alert?.subject,
          observed: 60,
          threshold: 20,
          window_start: alert?.window_start,
          window_end: alert?.window_end,
          evidence: { credential_guesses_by_client: { app: 60 } },
          risk: "high",
          score: 75,
          findings: [{ rule: "failure_burst", message: alert?.message }],
          advice: alert?.advice,
        },
      },
    ]);
  });

  it("keeps the highest observed count and the time of the last finding", async () => {
    const { world, keep } = await watched();
    await keep(NOW, burst(NOW, 60));
    for (const [minutes, count] of [
      [5, 90],
      [10, 50],
    ] as const) {
      const nowMs = NOW + minutes * MINUTE_MS;
      expect(await keep(nowMs, burst(nowMs, count))).toMatchObject({ opened: [], open: 1 });
    }
    expect(await findAlert(world, "failure_burst#ip#203.0.113.9")).toMatchObject({
      opened_at: toInstant(NOW),
      last_seen_at: toInstant(NOW + 10 * MINUTE_MS),
      window_start: toInstant(NOW - 10 * MINUTE_MS),
      window_end: toInstant(NOW + 10 * MINUTE_MS),
      detections: 3,
      observed: 90,
    });
  });

  it("resolves exactly after its quiet period, and publishes an event", async () => {
    const { world, notified, keep } = await watched();
    await keep(NOW, burst(NOW));
    const early = NOW + 30 * MINUTE_MS - 1;
    expect(await keep(early)).toMatchObject({ opened: [], resolved: [], open: 1 });
    expect(await keep(early + 1)).toMatchObject({ resolved: [{ state: "resolved" }], open: 0 });
    expect(await listAlerts(world, "open")).toEqual([]);
    expect(await listAlerts(world, "resolved")).toMatchObject([
      { resolved_at: toInstant(early + 1), notified: true, last_seen_at: toInstant(NOW) },
    ]);
    expect(notified.map(({ state }) => state)).toEqual(["open", "resolved"]);
    expect(world.published.at(-1)).toMatchObject({
      event_type: "alert_resolved",
      occurred_at: toInstant(early + 1),
      oauth_client_id: "app",
      event_data: { message: expect.stringContaining("60 credential guesses"), observed: 60 },
    });
    expect(world.published.at(-1)?.id).not.toBe(world.published[0]?.id);
  });

  it("that opens again keeps the resolved alert available, newest first", async () => {
    const { world, keep } = await watched();
    const opened = [0, 8, 16].map((hours) => NOW + hours * HOUR_MS);
    for (const nowMs of opened) {
      await keep(nowMs, burst(nowMs));
      await keep(nowMs + HOUR_MS);
    }
    const ids = (alerts: readonly Alert[]) => alerts.map(({ opened_at }) => opened_at);
    expect(ids(await listAlerts(world, "resolved"))).toEqual(opened.map(toInstant));
    expect(ids(await listLatestResolved(world, 2))).toEqual(
      opened.slice(1).reverse().map(toInstant),
    );
    expect(new Set(world.published.map(({ id }) => id)).size).toBe(6);
  });

  it("summarizes the subject's three newest events", async () => {
    const { world, keep } = await watched();
    const failure = (secondsAgo: number, over: object = {}) =>
      createEvent(
        {
          eventType: "auth_failed",
          clientId: "app",
          details: {
            ip: "203.0.113.9",
            endpoint: "/api/x",
            user_agent: "curl/8",
            reason: "unknown_token",
            method: "GET",
            ...over,
          },
        },
        NOW - secondsAgo * SECOND_MS,
      );
    const events = [1, 2, 3, 4].map((ago) => failure(ago));
    await world.sink.publish([
      ...events,
      failure(0.5, { ip: "198.51.100.1" }),
      failure(11 * 60),
      createEvent({ eventType: "token_used", details: { ip: "203.0.113.9" } }, NOW - 100),
    ]);
    const { opened } = await keep(NOW, burst(NOW));
    expect(opened[0]?.evidence.examples).toEqual(
      events.slice(0, 3).map(({ id, event_type, occurred_at }) => ({
        event_id: id,
        event_type,
        occurred_at,
        ip: "203.0.113.9",
        endpoint: "/api/x",
        user_agent: "curl/8",
        reason: "unknown_token",
      })),
    );
  });

  it("shows events for a client or token, but none for callers without a client", async () => {
    const { world, keep } = await watched();
    const used = (clientId: string, token_id: string) =>
      createEvent({ eventType: "token_used", clientId, details: { token_id } }, NOW - SECOND_MS);
    const [ofClient, ofToken] = [used("busy", "t0"), used("app", "t1")];
    await world.sink.publish([ofClient, ofToken, used("app", "t2")]);
    const history = (clientId: string, hour: number) => ({
      clientId,
      firstSeenMs: NOW - 9 * DAY_MS,
      lastHour: 5000,
      hours: new Map(Array.from({ length: 40 }, (_, n) => [NOW - (n + 2) * HOUR_MS, hour])),
    });
    const { opened } = await keep(NOW, {
      issuance: [history("busy", 1)],
      credentialGuesses: [history("(none)", 1)],
      dormantTokens: [counted(NOW, "app", "t1", 1)],
      principals: new Map([
        [
          "token:t1",
          Array.from({ length: 60 }, () => ({
            atMs: NOW - SECOND_MS,
            type: "token_used",
            tokenId: "t1",
            scopes: [],
          })),
        ],
      ]),
    });
    const examples = Object.fromEntries(
      opened.map(({ rule, evidence }) => [
        rule,
        (evidence.examples as { event_id: string }[]).map(({ event_id }) => event_id),
      ]),
    );
    expect(examples).toEqual({
      issuance_rate: [ofClient.id],
      dormant_token: [ofToken.id],
      failure_rate: [],
    });
    expect(opened.find(({ rule }) => rule === "failure_rate")).not.toHaveProperty(
      "oauth_client_id",
    );
    const notified = world.published.find(({ event_data }) => event_data.rule === "dormant_token");
    expect(notified?.event_data.token_id).toBe("t1");
    expect(notified?.event_data).not.toHaveProperty("ip");
  });

  it("groups all findings about the same users into one incident, and notifies once", async () => {
    const { world, notified, keep } = await watched();
    const dead = (nowMs: number, tokens: number) => ({
      addresses: new Map([
        [
          "203.0.113.9",
          Array.from({ length: tokens }, (_, n) => ({
            atMs: nowMs - MINUTE_MS,
            type: "auth_failed",
            reason: "expired_token",
            tokenId: `t${n}`,
            scopes: [],
          })),
        ],
      ]),
    });
    await keep(NOW, dead(NOW, 60));
    const soon = NOW + 5 * MINUTE_MS;
    await keep(soon, { ...dead(soon, 60), ...burst(soon) });
    const [alert, ...more] = await listAlerts(world, "open");
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ rule: "dead_tokens", risk: "high", score: 88, detections: 2 });
    expect(alert?.findings.map(({ rule, first_seen_at }) => [rule, first_seen_at])).toEqual([
      ["dead_tokens", toInstant(NOW)],
      ["failure_burst", toInstant(soon)],
    ]);
    expect(notified).toHaveLength(1);
    // A burst from another address opens a second incident.
    const other = burst(soon, 60, "198.51.100.1");
    expect((await keep(soon + 1, other)).opened).toHaveLength(1);
    expect(await listAlerts(world, "open")).toHaveLength(2);
  });

  it("about callers without a client starts a new incident when other addresses guess later", async () => {
    const { world, notified, keep } = await watched();
    const guessesFrom = (nowMs: number, block: number) => ({
      credentialGuesses: [
        { clientId: "(none)", lastHour: 60, hours: new Map(), firstSeenMs: NOW - 3 * DAY_MS },
      ],
      credentialGuessesByIp: Array.from({ length: 20 }, (_, n) =>
        counted(nowMs, "(none)", `198.${block}.${n}.7`, 3),
      ),
    });
    await keep(NOW, guessesFrom(NOW, 51));
    const soon = NOW + 10 * MINUTE_MS;
    expect(await keep(soon, guessesFrom(soon, 51))).toMatchObject({ opened: [], open: 1 });
    await keep(NOW + HOUR_MS);
    // Findings from the same addresses join the incident. Findings from other addresses don't.
    const laterMs = NOW + 2 * HOUR_MS;
    expect(await keep(laterMs, guessesFrom(laterMs, 51))).toMatchObject({ opened: [], open: 1 });
    await keep(NOW + 3 * HOUR_MS);
    const later = NOW + 4 * HOUR_MS;
    expect((await keep(later, guessesFrom(later, 18))).opened).toMatchObject([
      { rule: "failure_rate", subject: { kind: "client", id: "(none)" }, risk: "high" },
    ]);
    expect(notified.filter(({ state }) => state === "open")).toHaveLength(2);
    expect(await listAlerts(world, "open")).toHaveLength(1);
  });

  it("opens even if an event is missing the data that its rule reads", async () => {
    const { keep } = await watched();
    const did = { atMs: NOW - MINUTE_MS, type: "admin_activity", scopes: [] };
    const { opened } = await keep(NOW, { administration: [{ ...did, reason: "secret_read" }] });
    expect(opened).toMatchObject([{ rule: "admin_change", evidence: { reason: "secret_read" } }]);
    expect(opened[0]?.evidence).not.toHaveProperty("code");
  });

  it("that continues within six hours is the same incident, and notifies again only if it gets worse", async () => {
    const { world, notified, keep } = await watched();
    const reused = (nowMs: number) => ({
      failedReasons: [counted(nowMs, "app", "refresh_token_reused", 1)],
    });
    await keep(NOW, reused(NOW));
    await keep(NOW + HOUR_MS);
    expect(await listAlerts(world, "open")).toEqual([]);
    const laterMs = NOW + 5 * HOUR_MS;
    expect(await keep(laterMs, reused(laterMs))).toMatchObject({ opened: [], open: 1 });
    expect(await listAlerts(world, "open")).toMatchObject([
      { rule: "credential_reuse", opened_at: toInstant(NOW), detections: 2, risk: "medium" },
    ]);
    expect(notified.map(({ state }) => state)).toEqual(["open", "resolved"]);
    // Fifteen more credential guesses without an allowed call raise the risk from medium to high.
    const worse = laterMs + MINUTE_MS;
    const home = { network: "10.1.0.0/16", ip: "10.1.0.1", agent: "okhttp", scopes: [] };
    const thief = { network: "203.0.0.0/16", ip: "203.0.113.9", agent: "curl", scopes: [] };
    await keep(worse, {
      ...reused(worse),
      principals: new Map([
        [
          "user:ada",
          [
            { ...home, atMs: NOW - DAY_MS, type: "token_used", clientId: "app" },
            {
              ...thief,
              atMs: worse - MINUTE_MS,
              type: "auth_failed",
              reason: "refresh_token_reused",
              clientId: "app",
            },
          ],
        ],
      ]),
    });
    expect(await listAlerts(world, "open")).toMatchObject([{ risk: "high", notified: true }]);
    expect(notified.at(-1)).toMatchObject({ state: "open", risk: "high" });
    expect(notified).toHaveLength(3);
  });

  it("below the risk threshold for notifications is only listed", async () => {
    const world = await createWorld({ anomalies: { notifyFrom: "high" } });
    const notified: Alert[] = [];
    const context = { ...world.context, notify: async (alert: Alert) => void notified.push(alert) };
    const parts = { failedReasons: [counted(NOW, "app", "refresh_token_reused", 1)] };
    await keepAlerts(context, quietSnapshot(NOW, parts));
    expect(await listAlerts(world, "open")).toMatchObject([{ risk: "medium", notified: true }]);
    expect(notified).toEqual([]);
  });

  it("that an earlier run failed to send is sent once by the next runs", async () => {
    const { world, notified, keep } = await watched();
    const { opened } = await keep(NOW, burst(NOW));
    const [alert] = opened as [Alert];
    await saveAlert(world, alert, alert);
    notified.length = 0;
    expect((await findAlert(world, alert.alert_id))?.notified).toBe(false);
    await keep(NOW);
    expect(notified).toEqual([]);
    await keep(NOW + 1);
    expect(notified).toMatchObject([{ alert_id: alert.alert_id, state: "open" }]);
    await keep(NOW + 2);
    expect(notified).toHaveLength(1);
    expect(new Set(world.published.map(({ id }) => id))).toEqual(new Set([alert.event_id]));
  });

  it("is kept for ninety days after its last finding", async () => {
    const { world, keep } = await watched();
    await keep(NOW, burst(NOW));
    const { Item } = await world.db.send(
      new GetCommand({
        TableName: world.alertsTable,
        Key: { alert_id: "failure_burst#ip#203.0.113.9" },
      }),
    );
    expect(Item?.ttl_epoch_seconds).toBe((NOW + 90 * DAY_MS) / 1000);
  });

  it("is not overwritten if another run has changed it", async () => {
    const { world, keep } = await watched();
    const { opened } = await keep(NOW, burst(NOW));
    const [alert] = opened as [Alert];
    await expect(saveAlert(world, alert, undefined)).rejects.toThrow(AlertChangedError);
    for (const other of [
      { detections: 2 },
      { event_id: "another" },
      { state: "resolved" as const },
    ]) {
      await expect(saveAlert(world, alert, { ...alert, ...other })).rejects.toThrow(
        AlertChangedError,
      );
    }
    await expect(markNotified(world, { ...alert, event_id: "another" })).rejects.toThrow(
      AlertChangedError,
    );
    await saveAlert(world, { ...alert, detections: 2 }, alert);
    await keepResolved(world, { ...alert, state: "resolved" });
    expect((await findAlert(world, `${alert.alert_id}#${alert.opened_at}`))?.state).toBe(
      "resolved",
    );
    expect(await findAlert(world, "nothing")).toBeUndefined();
    world.traffic.fault = () => ({ error: new Error("no store") });
    await expect(saveAlert(world, alert, alert)).rejects.toThrow("no store");
    world.traffic.fault = () => ({ error: new Error("no store") });
    await expect(markNotified(world, alert)).rejects.toThrow("no store");
  });
});

describe("mute", () => {
  it("applies until its end, to one rule or to all rules for a client", async () => {
    const { world, keep } = await watched();
    const until = toInstant(NOW + HOUR_MS);
    await muteClient(world, { oauth_client_id: "app", until: toInstant(NOW + MINUTE_MS) });
    await muteClient(world, { oauth_client_id: "app", until });
    const later = toInstant(NOW + 2 * HOUR_MS);
    await muteClient(world, { oauth_client_id: "web", rule: "failure_burst", until: later });
    expect(await listMutes(world, NOW)).toEqual([
      { oauth_client_id: "app", until },
      { oauth_client_id: "web", rule: "failure_burst", until: later },
    ]);
    expect(await listMutes(world, NOW + HOUR_MS - 1)).toHaveLength(2);
    expect(await listMutes(world, NOW + HOUR_MS)).toHaveLength(1);
    const byClient = (...clients: string[]) => ({
      credentialGuessesByIp: clients.map((client, n) => counted(NOW, client, `203.0.113.${n}`, 99)),
      failedReasons: [counted(NOW, "web", "refresh_token_reused", 1)],
    });
    const run = await keep(NOW, byClient("app", "web", "other"));
    expect(run.muted).toBe(2);
    expect(run.open).toBe(2);
    expect(run.opened.map(({ rule, subject }) => `${rule} ${subject.id}`)).toEqual([
      "failure_burst 203.0.113.2",
      "credential_reuse web",
    ]);
  });
});

describe("a client's networks", () => {
  const from = (nowMs: number, network: string, minutes: readonly number[] = [1]) => ({
    clientId: "service",
    value: `${network} curl`,
    minutes: new Map(minutes.map((ago) => [nowMs - ago * MINUTE_MS, 1])),
  });

  it("are learned on first use and listed in that order", async () => {
    const { world, keep } = await watched();
    await keep(NOW, { serviceNetworks: [from(NOW, "10.1.0.0/16", [3, 1, 0])] });
    await keep(NOW, { serviceNetworks: [from(NOW, "10.2.0.0/16", [5])] });
    // A use at the current instant is not learned yet.
    await keep(NOW, { serviceNetworks: [from(NOW, "10.3.0.0/16", [0])] });
    await keep(NOW + HOUR_MS, { serviceNetworks: [from(NOW + HOUR_MS, "10.1.0.0/16")] });
    const seen = (minutesAgo: number) => toInstant(NOW - minutesAgo * MINUTE_MS);
    const known = [
      { network: "10.2.0.0/16", firstSeenAt: seen(5), lastSeenAt: seen(5), raised: false },
      { network: "10.1.0.0/16", firstSeenAt: seen(3), lastSeenAt: seen(3), raised: false },
    ];
    expect(await findKnownNetworks(world, "service", NOW)).toEqual(known);
    expect(await findKnownNetworks(world, "other", NOW)).toEqual([]);
    // Networks are removed ninety days after they were written.
    expect(await findKnownNetworks(world, "service", NOW + 89.9 * DAY_MS)).toEqual(known);
    expect(await findKnownNetworks(world, "service", NOW + 91 * DAY_MS)).toEqual([]);
  });

  it("are limited to fifty, and operators take precedence over networks", async () => {
    const { world, keep } = await watched();
    const networks = Array.from({ length: 60 }, (_, n) => from(NOW, `10.${n}.0.0/16`));
    await keep(NOW, { serviceNetworks: [...networks, from(NOW, "AS64496")] });
    const known = await findKnownNetworks(world, "service", NOW);
    expect(known).toHaveLength(50);
    expect(known.map(({ network }) => network)).toContain("AS64496");
  });

  it("are written once a day, and remember whether an alert was raised about them", async () => {
    const { world, keep } = await watched();
    const knownNetworks = new Map([
      [
        "service",
        [
          {
            network: "10.1.0.0/16",
            firstSeenAt: toInstant(NOW - 9 * DAY_MS),
            lastSeenAt: toInstant(NOW),
            raised: false,
          },
        ],
      ],
    ]);
    const learn = async (nowMs: number, known = knownNetworks) => {
      world.traffic.reset();
      const { opened } = await keep(nowMs, {
        serviceNetworks: [from(nowMs, "203.0.0.0/16")],
        knownNetworks: known,
        clientAgents: new Map([
          [
            "service",
            new Map([
              ["okhttp", 0],
              ["curl", nowMs - MINUTE_MS],
            ]),
          ],
        ]),
      });
      return [opened.length, world.traffic.writeUnits > 0];
    };
    expect(await learn(NOW)).toEqual([1, true]);
    expect(await findKnownNetworks(world, "service", NOW)).toMatchObject([
      { network: "203.0.0.0/16", raised: true },
    ]);
    const none = new Map();
    const later = NOW + 23 * HOUR_MS;
    await learn(later, none);
    expect(await findKnownNetworks(world, "service", NOW + 90.5 * DAY_MS)).toEqual([]);
    await learn(NOW + 25 * HOUR_MS, none);
    expect(await findKnownNetworks(world, "service", NOW + 90.5 * DAY_MS)).toMatchObject([
      { network: "203.0.0.0/16", firstSeenAt: toInstant(NOW - MINUTE_MS), raised: true },
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import type { CustomRule } from "../../shared/config/custom-rule-parameters.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import { alertNotification } from "../../shared/detection/alert-notification.ts";
import { findAlert, listAlerts } from "../../shared/detection/alert-store.ts";
import { detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import { muteClient, unmuteClient } from "../../shared/detection/mutes.ts";
import { readRuleHistory } from "../../shared/detection/rule-history.ts";
import { tryRule } from "../../shared/detection/try-rule.ts";
import { type IpEnrichment, toEnrichmentData } from "../../shared/events/ip-enrichment.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { createWorld, type World } from "./store.ts";

async function watchedWorld(config: MonitoringConfigInput = {}) {
  const world = await createWorld(config);
  const notified: Alert[] = [];
  const notify = async (alert: Alert) => {
    notified.push(alert);
  };
  const context = { ...world.context, notify };
  const run = (asOfMs = world.time.nowMs) => detectAnomalies(context, asOfMs);
  return { world, notified, context, run };
}

interface Incident {
  readonly type: string;
  readonly clientId?: string;
  readonly userId?: string;
  readonly count: number;
  /** Start of the events, in milliseconds before the current time. */
  readonly agoMs: number;
  readonly everyMs?: number;
  readonly details?: (n: number) => Record<string, unknown>;
}

/** Publishes series of similar events in one batch. */
async function tell(world: World, ...incidents: readonly Incident[]): Promise<void> {
  await world.sink.publish(
    incidents.flatMap(
      ({ type, clientId, userId, count, agoMs, everyMs = SECOND_MS, details = () => ({}) }) =>
        Array.from({ length: count }, (_, n) =>
          createEvent(
            { eventType: type, clientId, userId, details: details(n) },
            world.time.nowMs - agoMs + n * everyMs,
          ),
        ),
    ),
  );
}

const failing = (ip: string) => () => ({ ip, endpoint: "/api/x", reason: "unknown_token" });

const issued = (client: string, start: number) => (n: number) => ({
  token_id: `${client}-${start}-${n}`,
  expires_at: "2026-12-31T00:00:00.000Z",
});

const ruleAndSubject = ({ rule, subject }: Alert) => `${rule} ${subject.kind} ${subject.id}`;

describe("detectAnomalies", () => {
  it("detects credential guesses that change their address within an IPv6 network and their path, and gives examples", async () => {
    const { world, run } = await watchedWorld();
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 5 * MINUTE_MS,
      details: (n) => ({
        ip: `2001:db8:1:2:${n}::${n + 1}`,
        endpoint: `/api/${n}`,
        route: "/api/{proxy+}",
        reason: "unknown_token",
      }),
    });
    const { opened } = await run();
    expect(opened.map(ruleAndSubject)).toEqual(["failure_burst ip 2001:db8:1:2::/64"]);
    expect(opened[0]).toMatchObject({ observed: 60 });
    expect(opened[0]?.evidence.examples).toMatchObject([
      { ip: "2001:db8:1:2:59::60", endpoint: "/api/59" },
      {},
      {},
    ]);
  });

  it("finds nothing without traffic or in ordinary traffic", async () => {
    const { world, run, notified } = await watchedWorld();
    expect(await run()).toMatchObject({ opened: [], resolved: [], open: 0 });
    const hours = Array.from({ length: 30 }, (_, hour) => ({
      type: "token_issued",
      clientId: "shop",
      count: 40,
      agoMs: (hour + 1) * HOUR_MS,
      everyMs: MINUTE_MS,
      details: issued("shop", hour),
    }));
    await tell(world, ...hours);
    expect(await run()).toMatchObject({ opened: [], open: 0 });
    expect(notified).toEqual([]);
  });

  it("raises an alert only for the client that issues far more tokens than usual", async () => {
    const { world, run } = await watchedWorld();
    for (const [client, usual, now] of [
      ["runaway", 10, 200],
      ["steady", 40, 50],
      ["quiet", 0.2, 25],
      ["newcomer", 0, 500],
    ] as const) {
      const hours = Array.from({ length: 40 }, (_, hour) => ({
        type: "token_issued",
        clientId: client,
        count: hour === 0 ? now : usual === 0.2 ? Number(hour % 5 === 0) : usual,
        agoMs: hour === 0 ? 50 * MINUTE_MS : (hour + 1) * HOUR_MS,
        details: issued(client, hour),
      }));
      await tell(world, ...hours);
    }
    const { opened } = await run();
    expect(opened.map(ruleAndSubject)).toEqual(["issuance_rate client runaway"]);
    expect(opened[0]).toMatchObject({
      observed: 200,
      oauth_client_id: "runaway",
      evidence: { usual_median: 10, examples: expect.any(Array) },
    });
  });

  it("raises one alert each for credential guesses and probing, with evidence, and resolves it", async () => {
    const { world, run, notified } = await watchedWorld();
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 5 * MINUTE_MS,
      details: failing("203.0.113.66"),
    });
    await tell(world, {
      type: "scope_violation",
      clientId: "prober",
      count: 55,
      agoMs: 4 * MINUTE_MS,
      details: (n) => ({
        ip: `198.51.100.${n}`,
        endpoint: `/api/adapter-${String.fromCharCode(97 + (n % 26))}`,
        token_id: "t-probe",
      }),
    });
    await tell(world, {
      type: "auth_failed",
      count: 10,
      agoMs: 5 * MINUTE_MS,
      details: failing("203.0.113.7"),
    });
    const first = await run();
    expect(first.opened.map(ruleAndSubject).sort()).toEqual([
      "failure_burst ip 203.0.113.66",
      "scope_probing token t-probe",
    ]);
    const byIp = first.opened.find(({ subject }) => subject.kind === "ip");
    expect(byIp).toMatchObject({ observed: 60, threshold: 20, state: "open", risk: "high" });
    expect(byIp?.evidence.examples).toMatchObject([
      { ip: "203.0.113.66", endpoint: "/api/x" },
      {},
      {},
    ]);

    world.time.nowMs += MINUTE_MS;
    expect(await run()).toMatchObject({ opened: [], resolved: [], open: 2 });
    expect(notified).toHaveLength(2);
    expect(await findAlert(world.context, byIp?.alert_id ?? "")).toMatchObject({ detections: 2 });
    const stored = async (type: string) =>
      (await queryEvents(world.context, { type, limit: 50 })).events;
    const raised = await stored("suspicious_activity");
    expect(raised).toHaveLength(2);
    expect(raised.find(({ event_data }) => event_data.ip === "203.0.113.66")).toMatchObject({
      event_data: { rule: "failure_burst", observed: 60, risk: "high", score: 75 },
    });
    expect(
      (await queryEvents(world.context, { ip: "203.0.113.66", limit: 100 })).events[0],
    ).toEqual(expect.objectContaining({ event_type: "suspicious_activity" }));

    // The rule reads the address's last ten minutes, and the token's whole lookback window.
    world.time.nowMs += 45 * MINUTE_MS;
    const later = await run();
    expect(later.resolved).toHaveLength(2);
    expect(await listAlerts(world.context, "open")).toEqual([]);
    expect(notified.filter(({ state }) => state === "resolved")).toHaveLength(2);
    expect(await stored("alert_resolved")).toHaveLength(2);
    // A finding on the same day joins the same incident. A later finding opens a new incident.
    const detectAgain = () =>
      tell(world, {
        type: "auth_failed",
        count: 60,
        agoMs: 5 * MINUTE_MS,
        details: failing("203.0.113.66"),
      });
    await detectAgain();
    expect(await run()).toMatchObject({ opened: [], open: 1 });
    world.time.nowMs += 10 * HOUR_MS;
    await run();
    await detectAgain();
    expect((await run()).opened.map(ruleAndSubject)).toEqual(["failure_burst ip 203.0.113.66"]);
    expect(await stored("suspicious_activity")).toHaveLength(3);
    expect(await listAlerts(world.context, "open")).toHaveLength(1);
  });

  it("raises alerts for an address that fails slowly for hours, and for callers that fail from many addresses", async () => {
    const { world, run } = await watchedWorld();
    for (let hour = 0; hour < 48; hour += 1) {
      await tell(world, {
        type: "auth_failed",
        count: 6,
        agoMs: (hour + 2) * HOUR_MS,
        everyMs: MINUTE_MS,
        details: (n) => failing(`192.0.2.${n}`)(),
      });
    }
    // Irregular intervals, unlike a timer's.
    for (const offsetMs of [0, MINUTE_MS]) {
      await tell(world, {
        type: "auth_failed",
        count: 75,
        agoMs: 5 * HOUR_MS - offsetMs,
        everyMs: 4 * MINUTE_MS,
        details: failing("203.0.113.200"),
      });
    }
    await tell(world, {
      type: "auth_failed",
      count: 400,
      agoMs: 30 * MINUTE_MS,
      everyMs: 3 * SECOND_MS,
      details: (n) => failing(`10.${n % 200}.0.1`)(),
    });
    const { opened } = await run();
    expect(opened.map(ruleAndSubject).sort()).toEqual([
      "failure_rate client (none)",
      "persistent_failures ip 203.0.113.200",
    ]);
  });

  it("raises alerts for a token used by two parties, used elsewhere after revocation, or used after a long pause", async () => {
    const { world, run } = await watchedWorld();
    const used = (token_id: string, ip: string, user_agent: string, previous?: object) => ({
      token_id,
      ip,
      user_agent,
      endpoint: "/api/x",
      previous_use: previous ?? { at: toInstant(world.time.nowMs - HOUR_MS), ip },
    });
    const ofUser = (
      userId: string,
      count: number,
      agoMs: number,
      details: object,
      type = "token_used",
    ) =>
      tell(world, {
        type,
        clientId: "shop",
        userId,
        count,
        agoMs,
        details: () => ({ ...details }),
      });
    for (const user of ["ada", "bob", "eve"]) {
      await ofUser(user, 5, 30 * HOUR_MS, used(`old-${user}`, "10.1.2.3", "okhttp/5"));
      await ofUser(user, 5, HOUR_MS, used(user, "10.1.2.3", "okhttp/5.1"));
    }
    // A different program from a different network, a different program at the same address, and a traveller.
    await ofUser(
      "ada",
      1,
      4 * MINUTE_MS,
      used("ada", "203.0.113.9", "curl/8", { at: toInstant(world.time.nowMs), ip: "10.1.2.3" }),
    );
    await ofUser("bob", 1, 4 * MINUTE_MS, used("bob", "10.1.2.3", "curl/8"));
    await ofUser(
      "eve",
      3,
      4 * MINUTE_MS,
      used("eve", "203.0.113.7", "okhttp/5.1", { at: toInstant(world.time.nowMs), ip: "10.1.2.3" }),
    );

    for (const token_id of ["revoked-long", "revoked-now"]) {
      await ofUser(token_id, 5, 30 * HOUR_MS, used(token_id, "10.1.2.3", "okhttp/5"));
      await ofUser(token_id, 1, 3 * HOUR_MS, { token_id }, "token_revoked");
    }
    const late = { reason: "revoked_token", user_agent: "okhttp/5" };
    await ofUser(
      "revoked-long",
      2,
      5 * MINUTE_MS,
      { ...late, token_id: "revoked-long", ip: "50.1.2.3" },
      "auth_failed",
    );
    // A client that doesn't know about the revocation tries again from its usual address.
    await ofUser(
      "revoked-now",
      2,
      5 * MINUTE_MS,
      { ...late, token_id: "revoked-now", ip: "10.1.2.3" },
      "auth_failed",
    );
    await tell(world, {
      type: "token_used",
      clientId: "batch",
      count: 80,
      agoMs: 20 * MINUTE_MS,
      details: (n) =>
        used("dormant", "60.1.1.1", "curl/8", {
          at: toInstant(world.time.nowMs - (n === 0 ? 30 * DAY_MS : MINUTE_MS)),
          ip: "60.1.1.1",
        }),
    });
    await tell(world, {
      type: "auth_failed",
      clientId: "shop",
      count: 1,
      agoMs: MINUTE_MS,
      details: () => ({ reason: "refresh_token_reused" }),
    });
    const { opened } = await run();
    expect(opened.map((alert) => `${ruleAndSubject(alert)} ${alert.risk}`).sort()).toEqual([
      "credential_reuse client shop medium",
      "dormant_token token dormant medium",
      "revoked_token token revoked-long medium",
      "token_theft token ada high",
      "token_theft token bob medium",
    ]);
    expect(opened.every(({ oauth_client_id }) => oauth_client_id !== undefined)).toBe(true);
    const theft = opened.find(({ subject }) => subject.id === "ada");
    expect(theft?.involved).toEqual(["token ada", "user ada", "ip 203.0.113.9"]);
    expect(theft?.message).toContain("usual: okhttp from 10.1.0.0/16");
  });

  it("raises an alert for a known client that is used from a new network", async () => {
    const { world, run } = await watchedWorld();
    const use = (token: string, ip: string, agent = "okhttp/5", agoMs = MINUTE_MS) =>
      tell(world, {
        type: "token_used",
        clientId: "service",
        count: 1,
        agoMs,
        details: () => ({ token_id: token, ip, user_agent: agent, previous_use: null }),
      });
    await use("t1", "10.1.0.1");
    expect((await run()).opened).toEqual([]);
    world.time.nowMs += HOUR_MS;
    // If a client has not been known for long enough, its new network is learned without an alert.
    await use("t2", "10.2.0.1");
    expect((await run()).opened).toEqual([]);
    world.time.nowMs += 3 * DAY_MS;
    await use("t3", "10.1.0.9");
    expect((await run()).opened).toEqual([]);
    // The same program elsewhere may be a service that moves. Another program is a finding.
    await use("t4", "198.51.100.5");
    expect((await run()).opened).toEqual([]);
    await use("t5", "203.0.113.5", "curl/8");
    const { opened } = await run();
    expect(opened.map(ruleAndSubject)).toEqual(["new_network client service"]);
    expect(opened[0]).toMatchObject({
      risk: "high",
      evidence: {
        network: "203.0.0.0/16",
        user_agent: "curl",
        known_networks: ["10.1.0.0/16", "10.2.0.0/16", "198.51.0.0/16"],
      },
    });
  });

  it("raises no alert when IP enrichment starts, and then recognizes services by operator", async () => {
    const { world, run } = await watchedWorld();
    const services = ["one", "two", "three", "four"];
    let token = 0;
    const use = async (second: number, enrichment?: IpEnrichment, agent = "okhttp/5") => {
      const uses = services.map((clientId, n) => {
        token += 1;
        const details = {
          token_id: `t${token}`,
          ip: `${10 + second}.${n}.0.1`,
          user_agent: agent,
          previous_use: null,
          ...(enrichment && toEnrichmentData(enrichment)),
        };
        return { type: "token_used", clientId, count: 1, agoMs: MINUTE_MS, details: () => details };
      });
      await tell(world, ...uses);
    };
    const step = async (...given: Parameters<typeof use>) => {
      await use(...given);
      const { opened } = await run();
      world.time.nowMs += 6 * HOUR_MS;
      return opened.map(ruleAndSubject);
    };
    const cloud: IpEnrichment = {
      asn: 64496,
      organization: "Example Cloud",
      country: "DE",
      networkType: "hosting",
    };
    for (let n = 0; n < 12; n += 1) expect(await step(0)).toEqual([]);
    // Each of the cloud's networks is new, and so is each operator.
    for (let n = 1; n < 10; n += 1) expect(await step(n, cloud)).toEqual([]);
    expect(await step(20, cloud)).toEqual([]);
    await use(0, cloud);
    world.time.nowMs += 30 * MINUTE_MS;
    await use(30, { ...cloud, asn: 64511, organization: "Example Hosting", country: "NL" });
    world.time.nowMs += 25 * MINUTE_MS;
    await use(0, cloud);
    const { opened } = await run();
    expect(opened.map(ruleAndSubject).sort()).toEqual(
      services.map((service) => `new_network client ${service}`).sort(),
    );
    expect(opened[0]?.message).toContain("is used from hosting AS64511 Example Hosting in NL");
    world.time.nowMs += DAY_MS;
    // IP enrichment has stopped.
    for (let n = 40; n < 44; n += 1) expect(await step(n)).toEqual([]);
  });

  it("raises an alert for a user with tokens in two distant locations at the same time, and shows both", async () => {
    const { world, notified, run } = await watchedWorld();
    const use = (token: string, agoMs: number, enrichment: IpEnrichment, ip: string) =>
      tell(world, {
        type: "token_used",
        clientId: "app",
        userId: "ada",
        count: 1,
        agoMs,
        details: () => ({
          token_id: token,
          ip,
          user_agent: "Firefox/150.0",
          previous_use: null,
          ...toEnrichmentData(enrichment),
        }),
      });
    const home = { asn: 64496, organization: "Example Telecom", country: "DE" };
    const berlin = { ...home, latitude: 52.5, longitude: 13.4 };
    for (const days of [3, 2, 1.5]) await use(`t${days}`, days * DAY_MS, berlin, "10.1.0.1");
    await use("own", 30 * MINUTE_MS, berlin, "10.1.0.1");
    expect((await run()).opened).toEqual([]);
    const rio = { asn: 64509, organization: "Example Brasil", country: "BR" };
    await use("thief", MINUTE_MS, { ...rio, latitude: -22.9, longitude: -43.2 }, "203.0.113.9");
    const { opened } = await run();
    expect(opened.map(ruleAndSubject)).toEqual(["impossible_travel user ada"]);
    expect(opened[0]?.evidence.examples).toMatchObject([
      toEnrichmentData(rio),
      toEnrichmentData(home),
    ]);
    const [alert] = notified;
    const { text } = alertNotification(alert as Alert);
    expect(text).toContain("203.0.113.9, AS64509 Example Brasil in BR");
    expect(text).toContain("usual: AS64496 Example Telecom in DE");
  });

  it("raises the alerts for a configured rule that its dry run over the counters predicted", async () => {
    const custom = [
      { name: "many_refused", groupBy: "address" as const, threshold: 12, advice: "Call them." },
      { name: "many_revoked", groupBy: "client" as const, types: ["token_revoked"], threshold: 5 },
    ];
    const { world, context, run } = await watchedWorld({ anomalies: { custom } });
    const rejected = () => ({ ip: "198.51.100.5", endpoint: "/api/x", reason: "expired_token" });
    for (const agoMs of [3 * DAY_MS, 10 * MINUTE_MS]) {
      await tell(world, {
        type: "auth_failed",
        clientId: "app",
        count: 12,
        agoMs,
        details: rejected,
      });
    }
    const revoked = { type: "token_revoked", clientId: "app", agoMs: 10 * MINUTE_MS };
    await tell(world, { ...revoked, count: 4, details: (n) => ({ token_id: `t${n}` }) });
    const { opened } = await run();
    expect(opened).toMatchObject([
      { rule: "many_refused", subject: { kind: "ip", id: "198.51.100.5" }, advice: "Call them." },
    ]);
    const toMs = world.time.nowMs;
    const range = { fromMs: toMs - 14 * DAY_MS, toMs, everyMinutes: 5 };
    const counts = await readRuleHistory(context, range, new Set(["client", "address"]));
    const tried = context.config.anomalies.custom.map((rule) => tryRule(rule, counts, range));
    expect(tried).toMatchObject([
      [{ observed: 12, opened_at: toInstant(toMs - 3 * DAY_MS + 5 * MINUTE_MS) }, { observed: 12 }],
      [],
    ]);
    const [, low] = context.config.anomalies.custom;
    expect(tryRule({ ...low, threshold: 4 } as CustomRule, counts, range)).toMatchObject([
      { subject: { kind: "client", id: "app" }, observed: 4 },
    ]);
  });

  it("raises no alert for a muted client or from a disabled rule", async () => {
    const { world, run, context } = await watchedWorld({
      anomalies: { mutedClients: ["by-config"], rules: { credential_reuse: { enabled: false } } },
    });
    const clients = ["by-config", "by-cli", "loud"];
    for (const [n, clientId] of clients.entries()) {
      await tell(world, {
        type: "auth_failed",
        clientId,
        count: 60,
        agoMs: 5 * MINUTE_MS,
        details: failing(`203.0.113.${n}`),
      });
      const details = () => ({ reason: "refresh_token_reused" });
      await tell(world, { type: "auth_failed", clientId, count: 1, agoMs: MINUTE_MS, details });
    }
    const until = toInstant(world.time.nowMs + HOUR_MS);
    await muteClient(context, { oauth_client_id: "by-cli", until });
    await muteClient(context, { oauth_client_id: "loud", rule: "issuance_rate", until });
    const first = await run();
    expect(first.opened.map(ruleAndSubject)).toEqual(["failure_burst ip 203.0.113.2"]);
    expect(first.muted).toBe(2);
    await unmuteClient(context, { oauth_client_id: "by-cli" });
    expect((await run()).opened.map(ruleAndSubject)).toEqual(["failure_burst ip 203.0.113.1"]);
  });

  it("keeps a producer's event data as evidence, with any keys", async () => {
    const { world, run } = await watchedWorld();
    const endpoint = { constructor: { name: "Set" } };
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 2 * MINUTE_MS,
      details: () => ({ ...failing("203.0.113.66")(), endpoint }),
    });
    const { opened } = await run();
    expect(opened).toMatchObject([{ rule: "failure_burst" }]);
    const alert = await findAlert(world, opened[0]?.alert_id ?? "");
    expect(alert?.notified).toBe(true);
    expect(alert?.evidence.examples).toMatchObject([{ endpoint }, { endpoint }, { endpoint }]);
  });

  it("notifies again after a failed notification, but publishes one event", async () => {
    const { world, context, notified } = await watchedWorld();
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 5 * MINUTE_MS,
      details: failing("203.0.113.66"),
    });
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 5 * MINUTE_MS,
      details: failing("203.0.113.67"),
    });
    let attempts = 0;
    const notify = () => {
      attempts += 1;
      return Promise.reject(new Error("no topic"));
    };
    const broken = { ...context, notify };
    await expect(detectAnomalies(broken, world.time.nowMs)).rejects.toThrow("no topic");
    // The second notification was sent although the first one failed.
    expect(attempts).toBe(2);
    world.time.nowMs += MINUTE_MS;
    await detectAnomalies(context, world.time.nowMs);
    expect(notified).toHaveLength(2);
    const range = { fromMs: world.time.nowMs - DAY_MS, toMs: world.time.nowMs + 1 };
    const { buckets } = await activity(context, range);
    const count = buckets.reduce((sum, { events }) => sum + (events.suspicious_activity ?? 0), 0);
    expect(count).toBe(2);
  });

  it("keeps one alert when two runs overlap", async () => {
    const { world, run, notified } = await watchedWorld();
    await tell(world, {
      type: "auth_failed",
      count: 60,
      agoMs: 5 * MINUTE_MS,
      details: failing("203.0.113.66"),
    });
    const runs = await Promise.all([run(), run(), run()]);
    expect(runs.flatMap(({ opened }) => opened)).toHaveLength(1);
    expect(notified).toHaveLength(1);
  });

  it("does not need more reads for five times as many events", async () => {
    const cost = async (count: number) => {
      const { world, run } = await watchedWorld();
      await tell(world, {
        type: "auth_failed",
        clientId: "shop",
        count,
        agoMs: 9 * MINUTE_MS,
        everyMs: Math.floor((8 * MINUTE_MS) / count),
        details: failing("203.0.113.66"),
      });
      await run();
      world.traffic.reset();
      await run();
      return { trips: world.traffic.roundTrips, units: world.traffic.readUnits };
    };
    const [few, many] = [await cost(400), await cost(2000)];
    // One or two additional pages for the candidate address.
    expect(many.trips).toBeLessThanOrEqual(few.trips + 8);
    expect(many.units).toBeGreaterThanOrEqual(few.units);
    // The size of these pages is random.
    expect(many.units).toBeLessThanOrEqual(few.units * 2);
    expect(few.units).toBeGreaterThan(0);
  });
});

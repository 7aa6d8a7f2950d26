import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { ATTACKS, type AttackLabel, type AttackName } from "../../local/traffic/attacks/attack.ts";
import { generateTraffic, type Traffic } from "../../local/traffic/generate-traffic.ts";
import { DEMO_NETWORKS } from "../../local/traffic/world/demo-enrichment.ts";
import { getPrefix } from "../../local/traffic/world/networks.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { IpEnricher } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";

/** A Monday. */
const START_MS = Date.parse("2026-11-16T00:00:00.000Z");
const OPTIONS = { seed: 7, startMs: START_MS, days: 8, eventsPerDay: 6000 };

const benign = generateTraffic({ ...OPTIONS, attacks: "none" });
const attacked = generateTraffic(OPTIONS);
const attackedDaily = (seed: number) =>
  generateTraffic({ ...OPTIONS, seed, days: 3, eventsPerDay: 3000, attacks: "every-day" });
/** Traffic for other seeds, with attacks on every day. */
const manySeeds = [1, 2, 3, 4].map(attackedDaily);

const atMs = (event: OAuthEvent) => Date.parse(event.occurred_at);
const text = (event: OAuthEvent, key: string) => event.event_data[key] as string;
const getIp = (event: OAuthEvent) => text(event, "ip");
const getToken = (event: OAuthEvent) => text(event, "token_id");
const isFailure = ({ event_type }: OAuthEvent) => event_type === "auth_failed";
const isUse = ({ event_type }: OAuthEvent) => event_type === "token_used";
const isIssuance = ({ event_type }: OAuthEvent) => event_type === "token_issued";

function groups(events: readonly OAuthEvent[], getKey: (event: OAuthEvent) => string | undefined) {
  const found = new Map<string, OAuthEvent[]>();
  for (const event of events) {
    const key = getKey(event);
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), event]);
  }
  return found;
}

/** Returns the highest value of a measure in any window of the given length that starts with an event. */
function mostWithin(
  events: readonly OAuthEvent[],
  lengthMs: number,
  measure: (window: readonly OAuthEvent[]) => number,
): number {
  return events.reduce((most, first, index) => {
    const end = events.findIndex((event, n) => n > index && atMs(event) >= atMs(first) + lengthMs);
    return Math.max(most, measure(events.slice(index, end === -1 ? undefined : end)));
  }, 0);
}

const networks = (events: readonly OAuthEvent[]) => new Set(events.map(getIp).map(getPrefix)).size;
const size = (events: readonly OAuthEvent[]) => events.length;

/** Returns the events about a label's subject between the label's start and end. */
function evidence({ events }: Traffic, label: AttackLabel): OAuthEvent[] {
  const isAbout: Record<AttackLabel["subject"]["kind"], (event: OAuthEvent) => boolean> = {
    client: (event) => (event.oauth_client_id ?? "(none)") === label.subject.id,
    user: (event) => event.user_id === label.subject.id,
    ip: (event) => getIp(event) === label.subject.id,
    token: (event) => getToken(event) === label.subject.id,
  };
  return events.filter(
    (event) =>
      isAbout[label.subject.kind](event) &&
      atMs(event) >= label.startMs &&
      atMs(event) <= label.endMs,
  );
}

const traffics = [attacked, ...manySeeds];
/** Returns every attack of a kind: one in the attacked traffic and three for each other seed. */
function planted(attack: AttackName) {
  const found = traffics.flatMap((traffic) =>
    traffic.labels
      .filter((label) => label.attack === attack)
      .map((label) => ({ traffic, label, events: evidence(traffic, label) })),
  );
  expect(found).toHaveLength(1 + 3 * manySeeds.length);
  return found;
}
const reasons = (events: readonly OAuthEvent[]) => [
  ...new Set(events.map((event) => text(event, "reason"))),
];
const getLength = ({ startMs, endMs }: AttackLabel) => endMs - startMs;

describe("generateTraffic", () => {
  it("is deterministic per seed, including IDs", () => {
    const [first, second] = manySeeds;
    // Much faster than an expectation for each of these thousands of events.
    expect(isDeepStrictEqual(attackedDaily(1), first)).toBe(true);
    expect(second?.events[0]?.id).not.toBe(first?.events[0]?.id);
  });

  it("generates valid events in chronological order, each with its own UUIDv7", () => {
    const parsed = attacked.events.map((event) => oauthEventSchema.parse(event));
    expect(isDeepStrictEqual(parsed, attacked.events)).toBe(true);
    const times = attacked.events.map(({ occurred_at }) => occurred_at);
    expect(times).toEqual(times.toSorted());
    const ids = attacked.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const wrong = attacked.events.filter(({ id, occurred_at }) => {
      const time = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
      return id[14] !== "7" || time !== Date.parse(occurred_at);
    });
    expect(wrong).toEqual([]);
  });

  it("stays within its time range and close to the requested size", () => {
    const outside = attacked.events.filter(
      (event) => atMs(event) < START_MS || atMs(event) >= START_MS + 8 * DAY_MS,
    );
    expect(outside).toEqual([]);
    const workingDays = benign.events.filter((event) => atMs(event) < START_MS + 5 * DAY_MS);
    expect(workingDays.length / 5).toBeGreaterThan(0.85 * 6000);
    expect(workingDays.length / 5).toBeLessThan(1.15 * 6000);
  });

  it("generates fewer events at night and on weekends", () => {
    const between = (fromHour: number, toHour: number) =>
      benign.events.filter((event) => {
        const hour = (atMs(event) % DAY_MS) / HOUR_MS;
        return hour >= fromHour && hour < toHour && atMs(event) < START_MS + 5 * DAY_MS;
      }).length;
    expect(between(3, 6) * 2).toBeLessThan(between(15, 18));
    const day = (n: number) =>
      benign.events.filter((event) => Math.floor((atMs(event) - START_MS) / DAY_MS) === n).length;
    for (const weekend of [5, 6]) {
      for (const workingDay of [0, 1, 2, 3, 4, 7]) {
        expect(day(weekend)).toBeLessThan(0.85 * day(workingDay));
      }
    }
  });

  it("generates forty clients of three kinds with Zipf-distributed traffic", () => {
    expect(benign.clients).toHaveLength(40);
    expect(new Set(benign.clients.map(({ clientId }) => clientId)).size).toBe(40);
    const byClient = groups(benign.events, (event) => event.oauth_client_id);
    const counts = (kind: string) =>
      benign.clients
        .filter((client) => client.kind === kind && client.firstMs === 0)
        .map(({ clientId, eventsPerDay }) => ({
          share: (byClient.get(clientId) ?? []).length / benign.events.length,
          due: eventsPerDay / 6000,
        }));
    for (const kind of ["consumer", "service", "partner"]) {
      const [first, ...rest] = counts(kind);
      expect(rest.length).toBeGreaterThan(5);
      for (const { share, due } of [first, ...rest] as { share: number; due: number }[]) {
        expect(share).toBeGreaterThan(0.5 * due);
        expect(share).toBeLessThan(2 * due);
      }
      expect(first?.share).toBeGreaterThan(2 * (rest[1]?.share ?? Number.POSITIVE_INFINITY));
    }
  });

  it("includes the previous use in each token use", () => {
    const latest = new Map<string, { at: string; ip: string }>();
    let repeated = 0;
    for (const event of attacked.events.filter(isUse)) {
      const previous = event.event_data.previous_use as { at: string; ip: string } | undefined;
      const known = latest.get(getToken(event));
      if (known) {
        expect(previous).toEqual(known);
        repeated += 1;
      } else if (previous) {
        expect(Date.parse(previous.at)).toBeLessThan(START_MS);
      }
      latest.set(getToken(event), { at: event.occurred_at, ip: getIp(event) });
    }
    expect(repeated).toBeGreaterThan(1000);
  });

  it("never uses a token before it is issued or after it expires or is revoked", () => {
    const life = new Map<string, { fromMs: number; toMs: number }>();
    const wrong: OAuthEvent[] = [];
    for (const event of attacked.events) {
      const span = life.get(getToken(event));
      if (isIssuance(event)) {
        const [issued, expires] = ["issued_at", "expires_at"].map((key) => text(event, key));
        expect(issued).toBe(event.occurred_at);
        life.set(getToken(event), { fromMs: atMs(event), toMs: Date.parse(expires as string) });
      } else if (event.event_type === "token_revoked") {
        expect(span).toBeDefined();
        if (span) span.toMs = atMs(event);
      } else if (span) {
        const alive = atMs(event) >= span.fromMs && atMs(event) < span.toMs;
        if (isUse(event) !== alive && event.event_type !== "scope_violation") wrong.push(event);
      }
    }
    expect(wrong).toEqual([]);
    expect(life.size).toBeGreaterThan(1000);
  });

  it("rejects options that produce no traffic", () => {
    expect(() => generateTraffic({ ...OPTIONS, clients: 2 })).toThrow("at least 3 clients");
    expect(() => generateTraffic({ ...OPTIONS, days: 0 })).toThrow(RangeError);
  });
});

describe("demo networks", () => {
  const enricher = new IpEnricher(
    parseMonitoringConfig({ ipEnrichment: { networks: [...DEMO_NETWORKS] } }).ipEnrichment.networks,
  );
  const getCountries = ({ events }: Traffic) => {
    const addresses = new Set(events.flatMap((event) => text(event, "ip") ?? []));
    return new Set([...addresses].map((ip) => enricher.of(ip)?.country));
  };

  it("cover every address and put users and attackers in different countries", () => {
    expect(getCountries(attacked).has(undefined)).toBe(false);
    expect(getCountries(benign)).toEqual(new Set(["DE", "IE", "NL", "SG"]));
    const users = {
      ...benign,
      events: benign.events.filter(({ user_id }) => user_id !== undefined),
    };
    expect(getCountries(users)).toEqual(new Set(["DE"]));
  });
});

describe("benign traffic", () => {
  it("contains the same events as attacked traffic, except for the attacks", () => {
    expect(benign.labels).toEqual([]);
    const all = new Set(attacked.events.map(({ id }) => id));
    expect(benign.events.every(({ id }) => all.has(id))).toBe(true);
    expect(attacked.events.length).toBeGreaterThan(benign.events.length);
  });

  it("includes everyday harmless failures", () => {
    const failures = groups(benign.events.filter(isFailure), (event) => text(event, "reason"));
    expect([...failures.keys()].sort()).toEqual([
      "expired_token",
      "missing_token",
      "revoked_token",
    ]);
    for (const event of failures.get("expired_token") ?? []) {
      expect(event.oauth_client_id).toBeDefined();
      expect(getToken(event)).toBeDefined();
    }
    const tries = [...groups(failures.get("expired_token") ?? [], getToken).values()].map(size);
    expect(tries).toContain(1);
    expect(tries.some((count) => count >= 5)).toBe(true);
    expect(Math.max(...tries)).toBeLessThanOrEqual(15);
    const violations = benign.events.filter(({ event_type }) => event_type === "scope_violation");
    expect(violations.length).toBeGreaterThan(3);
    expect(new Set(violations.map((event) => event.oauth_client_id)).size).toBe(1);
  });

  it("includes users who move and clients that appear later", () => {
    const uses = groups(benign.events.filter(isUse), getToken);
    expect([...uses.values()].some((events) => networks(events) === 2)).toBe(true);
    const newcomers = benign.clients.filter(({ firstMs }) => firstMs > START_MS);
    expect(newcomers).toHaveLength(2);
    for (const { clientId, firstMs } of newcomers) {
      const own = benign.events.filter((event) => event.oauth_client_id === clientId);
      expect(own.length).toBeGreaterThan(5);
      expect(own.every((event) => atMs(event) >= firstMs)).toBe(true);
    }
    expect(newcomers.some(({ firstMs }) => firstMs > START_MS + 7 * DAY_MS)).toBe(true);
  });

  it("includes deployments in which a service requests several times as many tokens as usual", () => {
    const [busiest] = benign.clients.filter(({ kind }) => kind === "service");
    const issued = benign.events.filter(
      (event) => isIssuance(event) && event.oauth_client_id === busiest?.clientId,
    );
    const usual = (issued.length * 10 * MINUTE_MS) / (8 * DAY_MS);
    const most = mostWithin(issued, 10 * MINUTE_MS, size);
    expect(most).toBeGreaterThan(2 * usual);
    expect(most).toBeLessThan(15 * usual);
  });

  const everyBenign = [benign, ...manySeeds].map((traffic) => {
    const isLabelled = (event: OAuthEvent) =>
      traffic.labels.some(
        ({ subject: { id } }) =>
          id === getIp(event) ||
          id === getToken(event) ||
          (id === "(none)" && text(event, "reason") === "unknown_token"),
      );
    return { ...traffic, unlabelled: traffic.events.filter((event) => !isLabelled(event)) };
  });

  it("contains no address that fails like an attacker's address", () => {
    for (const { unlabelled } of everyBenign) {
      for (const events of groups(unlabelled.filter(isFailure), getIp).values()) {
        expect(mostWithin(events, 10 * MINUTE_MS, size)).toBeLessThanOrEqual(30);
        expect(events.length).toBeLessThan(150);
      }
    }
  });

  it("contains no token that is used like a stolen, probing, revoked or dormant token", () => {
    for (const { unlabelled } of everyBenign) {
      for (const events of groups(unlabelled.filter(isUse), getToken).values()) {
        expect(mostWithin(events, 15 * MINUTE_MS, networks)).toBeLessThan(3);
        const previous = events[0]?.event_data.previous_use as { at: string } | undefined;
        if (previous) expect(mostWithin(events, 30 * MINUTE_MS, size)).toBeLessThan(30);
      }
      const violations = unlabelled.filter(({ event_type }) => event_type === "scope_violation");
      for (const events of groups(violations, getToken).values()) {
        expect(events.length).toBeLessThan(5);
      }
      const revokedMs = new Map<string, number>();
      for (const event of unlabelled) {
        if (event.event_type === "token_revoked") revokedMs.set(getToken(event), atMs(event));
        if (text(event, "reason") !== "revoked_token") continue;
        const sinceMs = atMs(event) - (revokedMs.get(getToken(event)) as number);
        expect(sinceMs).toBeGreaterThan(0);
        expect(sinceMs).toBeLessThan(2 * MINUTE_MS);
      }
    }
  });

  it("keeps each service in one or two networks", () => {
    const services = benign.clients.filter(({ kind }) => kind === "service");
    expect(services).not.toEqual([]);
    for (const { clientId } of services) {
      const own = benign.events.filter((event) => event.oauth_client_id === clientId);
      expect(own).not.toEqual([]);
      expect(networks(own)).toBeLessThanOrEqual(2);
    }
  });
});

describe("labelled attacks", () => {
  it("occur once per labelled day and end on the same day", () => {
    const lastDayMs = START_MS + 7 * DAY_MS;
    expect(attacked.labels.map(({ attack }) => attack).sort()).toEqual([...ATTACKS].sort());
    for (const traffic of manySeeds) expect(traffic.labels).toHaveLength(3 * ATTACKS.length);
    for (const { startMs, endMs } of attacked.labels) {
      expect(startMs).toBeGreaterThan(lastDayMs);
      expect(endMs).toBeLessThan(lastDayMs + DAY_MS - 30 * MINUTE_MS);
      expect(endMs).toBeGreaterThan(startMs);
    }
    for (const { labels } of traffics) {
      expect(new Set(labels.map(({ id }) => id)).size).toBe(labels.length);
    }
  });

  it("start at different hours for different seeds and days", () => {
    const hours = planted("token_theft").map(({ label }) =>
      Math.floor((label.startMs % DAY_MS) / HOUR_MS),
    );
    expect(new Set(hours).size).toBeGreaterThan(3);
  });

  it("credential_stuffing tries hundreds of unknown tokens from one address within minutes", () => {
    for (const { label, events } of planted("credential_stuffing")) {
      expect(events.length).toBeGreaterThanOrEqual(250);
      expect(reasons(events)).toEqual(["unknown_token"]);
      expect(getLength(label)).toBeLessThan(10 * MINUTE_MS);
      expect(events.every((event) => event.oauth_client_id === undefined)).toBe(true);
    }
  });

  it("distributed_stuffing tries two to four unknown tokens from each of hundreds of addresses", () => {
    for (const { traffic, label, events } of planted("distributed_stuffing")) {
      // A low_and_slow address may be active at the same time.
      const others = new Set(traffic.labels.map(({ subject }) => subject.id));
      const tries = events.filter(
        (event) => text(event, "reason") === "unknown_token" && !others.has(getIp(event)),
      );
      const addresses = [...groups(tries, getIp).values()].map(size);
      expect(addresses.length).toBeGreaterThanOrEqual(200);
      expect(Math.min(...addresses)).toBe(2);
      expect(Math.max(...addresses)).toBe(4);
      expect(getLength(label)).toBeLessThan(30 * MINUTE_MS);
    }
  });

  it("token_theft uses a token from four or more networks while its owner stays active", () => {
    for (const { label, events } of planted("token_theft")) {
      expect(events.every(isUse)).toBe(true);
      expect(networks(events)).toBeGreaterThanOrEqual(5);
      expect(getLength(label)).toBeLessThan(15 * MINUTE_MS);
    }
  });

  it("scope_probing uses a token that is denied at dozens of endpoints", () => {
    for (const { label, events } of planted("scope_probing")) {
      expect(new Set(events.map((event) => text(event, "endpoint"))).size).toBeGreaterThanOrEqual(
        30,
      );
      for (const { event_type, event_data } of events) {
        expect(event_type).toBe("scope_violation");
        expect(event_data).toMatchObject({ available_scopes: ["api:read"] });
        expect(event_data.required_scopes).not.toEqual(["api:read"]);
      }
      expect(getLength(label)).toBeLessThanOrEqual(15 * MINUTE_MS);
    }
  });

  it("runaway_issuer issues at least 15 times the usual tokens for 40 minutes", () => {
    for (const { traffic, label, events } of planted("runaway_issuer")) {
      const issued = events.filter(isIssuance).length;
      const all = traffic.events.filter(
        (event) => isIssuance(event) && event.oauth_client_id === label.subject.id,
      );
      const runaways = traffic.labels.filter(({ attack, subject }) => {
        return attack === "runaway_issuer" && subject.id === label.subject.id;
      });
      const inRunaways = runaways.flatMap((each) => evidence(traffic, each).filter(isIssuance));
      const days = traffic === attacked ? 8 : 3;
      const usual = ((all.length - inRunaways.length) * 40 * MINUTE_MS) / (days * DAY_MS);
      expect(issued).toBeGreaterThanOrEqual(15 * usual);
      expect(issued).toBeGreaterThanOrEqual(40);
      // The upper bound leaves room for the client's usual tokens and for clients that usually request few.
      expect(issued).toBeLessThanOrEqual(Math.max(45, 32 * usual + 5));
      expect(getLength(label)).toBe(40 * MINUTE_MS);
    }
  });

  it("low_and_slow fails from one address every one to three minutes for ten hours", () => {
    for (const { label, events } of planted("low_and_slow")) {
      const gaps = events.slice(1).map((event, n) => atMs(event) - atMs(events[n] as OAuthEvent));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(MINUTE_MS - 1);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * MINUTE_MS);
      expect(getLength(label)).toBeGreaterThan(10 * HOUR_MS - 3 * MINUTE_MS);
      expect(reasons(events)).toEqual(["unknown_token"]);
    }
  });

  it("revoked_token_use presents a token hours after its revocation", () => {
    for (const { traffic, label, events } of planted("revoked_token_use")) {
      const revoked = traffic.events.find(
        (event) => event.event_type === "token_revoked" && getToken(event) === label.subject.id,
      ) as OAuthEvent;
      expect(label.startMs - atMs(revoked)).toBeGreaterThanOrEqual(3 * HOUR_MS);
      expect(events.length).toBeGreaterThanOrEqual(3);
      expect(reasons(events)).toEqual(["revoked_token"]);
      for (const event of events) expect(event.oauth_client_id).toBe(revoked.oauth_client_id);
    }
  });

  it("credential_reuse presents a code or refresh token a second time", () => {
    const all = planted("credential_reuse").flatMap(({ events }) => {
      const found = events.filter((event) => /_reused$/.test(text(event, "reason") ?? ""));
      expect(found.length).toBeGreaterThanOrEqual(2);
      return found;
    });
    expect(reasons(all).sort()).toEqual(["authorization_code_reused", "refresh_token_reused"]);
  });

  it("dormant_token uses a token again after weeks from a known network", () => {
    for (const { label, events } of planted("dormant_token")) {
      expect(events.filter(isUse).length).toBeGreaterThanOrEqual(140);
      expect(getLength(label)).toBeLessThanOrEqual(30 * MINUTE_MS);
      const previous = events[0]?.event_data.previous_use as { at: string; ip: string };
      expect(label.startMs - Date.parse(previous.at)).toBeGreaterThanOrEqual(21 * DAY_MS);
      expect(getPrefix(previous.ip)).toBe(getPrefix(getIp(events[0] as OAuthEvent)));
    }
  });

  it("new_network calls as a service from an unknown network", () => {
    for (const { traffic, label } of planted("new_network")) {
      const own = traffic.events.filter((event) => event.oauth_client_id === label.subject.id);
      const before = own.filter((event) => atMs(event) < label.startMs);
      const known = new Set(before.map(getIp).map(getPrefix));
      const foreign = own.filter(
        (event) => atMs(event) <= label.endMs && !known.has(getPrefix(getIp(event))),
      );
      expect(foreign.filter(isUse).length).toBeGreaterThanOrEqual(20);
      expect(networks(foreign)).toBe(1);
      const runaway = traffic.labels.find(
        ({ id }) => id === label.id.replace("new_network", "runaway_issuer"),
      );
      expect(runaway?.subject.id).not.toBe(label.subject.id);
    }
  });
});

import { describe, expect, it } from "vitest";
import { MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import { kilometresBetween } from "../../shared/detection/rules/impossible-travel.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import type { IpEnrichment } from "../../shared/events/ip-enrichment.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { eventsBefore, rules } from "../seen-events.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");
const DAY_MINUTES = 24 * 60;

const BERLIN: IpEnrichment = { asn: 64496, country: "DE", latitude: 52.52, longitude: 13.4 };
const LISBON: IpEnrichment = { asn: 64498, country: "PT", latitude: 38.72, longitude: -9.14 };
const AGENT = "Firefox on Linux";

const event = eventsBefore(NOW);
const use = (
  minutesAgo: number,
  enrichment?: IpEnrichment,
  parts: Partial<SeenEvent> = {},
): SeenEvent => ({
  ...event(minutesAgo),
  agent: AGENT,
  ...(enrichment && {
    enrichment,
    ip: `203.${(enrichment.asn ?? 0) % 100}.113.9`,
    network: `203.${(enrichment.asn ?? 0) % 100}.0.0/16`,
  }),
  ...parts,
});

/** Creates calls from the usual location on the three previous days. */
const atHome = (enrichment = BERLIN) =>
  [3, 2, 1.1].map((days) => use(days * DAY_MINUTES, enrichment, { tokenId: "old" }));

const found = (...people: readonly (readonly SeenEvent[])[]) =>
  findAnomalies(
    quietSnapshot(NOW, {
      principals: new Map(people.map((events, n) => [`user:${n === 0 ? "ada" : `u${n}`}`, events])),
    }),
    rules,
  )
    .filter(({ rule }) => rule.name === "impossible_travel")
    .map(({ rule: _, ...anomaly }) => anomaly);

const travel = (...uses: readonly SeenEvent[]) => found([...atHome(), ...uses]);

describe("impossible_travel", () => {
  it("alerts on two locations that are too far apart for the time between them and names both", () => {
    expect(travel(use(30, BERLIN), use(10, LISBON, { tokenId: "t2" }))).toEqual([
      {
        subject: { kind: "user", id: "ada" },
        clientId: "app",
        involved: [
          { kind: "ip", id: "203.98.113.9" },
          { kind: "token", id: "t1" },
          { kind: "token", id: "t2" },
        ],
        message:
          "user ada was active from 203.96.113.9, AS64496 in DE and, 20 minutes later and 2312 km away, from 203.98.113.9, AS64498 in PT (Firefox on Linux); usual: AS64496 in DE",
        score: 40,
        observed: 2312,
        threshold: 500,
        windowStart: toInstant(NOW - 120 * MINUTE_MS),
        windowEnd: toInstant(NOW),
        evidence: expect.objectContaining({
          minutes: 20,
          kilometres: 2312,
          changes_between: 1,
          country: "PT",
          usual_countries: ["DE"],
        }),
      },
    ]);
  });

  it("compares the distance with how far a plane can fly in that time", () => {
    // 2,312 km at 1,000 km/h take 138 minutes and 43 seconds.
    expect(travel(use(144, BERLIN), use(5, LISBON))).toEqual([]);
    expect(travel(use(143, BERLIN), use(5, LISBON))).toHaveLength(1);
  });

  it("treats locations within the minimum distance as one location", () => {
    const north = (km: number): IpEnrichment => ({
      ...LISBON,
      latitude: 52.52 + km / 111.195,
      longitude: 13.4,
    });
    expect(travel(use(11, BERLIN), use(10, north(499)))).toEqual([]);
    expect(travel(use(11, BERLIN), use(10, north(501)))).toHaveLength(1);
  });

  it("gives a higher score for a different program, a new country and alternating use", () => {
    const [home, away] = [use(30, BERLIN), use(20, LISBON)];
    const scores = (...uses: readonly SeenEvent[]) => travel(...uses).map(({ score }) => score);
    expect(scores(home, away)).toEqual([40]);
    expect(scores(home, { ...away, agent: "curl" })).toEqual([65]);
    expect(scores(home, away, use(10, BERLIN))).toEqual([50]);
    // A different location in the same country.
    expect(scores(home, use(20, { ...LISBON, country: "DE" }))).toEqual([]);
    expect(scores(home, use(20, { ...LISBON, country: "DE" }), use(10, BERLIN))).toEqual([40]);
    // The usual location of a new user is unknown.
    expect(found([home, away])).toEqual([]);
    expect(found([home, away, use(10, BERLIN)])).toMatchObject([{ score: 40 }]);
  });

  it("names the unusual location even when the user calls after the attacker", () => {
    expect(travel(use(30, LISBON, { agent: "curl" }), use(10, BERLIN))).toMatchObject([
      { score: 65, evidence: { country: "PT", other_location: "203.96.113.9, AS64496 in DE" } },
    ]);
  });

  it("ignores locations that the user knows and networks that hide where the user is", () => {
    for (const networkType of ["vpn", "proxy", "tor", "hosting"] as const) {
      expect(travel(use(30, BERLIN), use(10, { ...LISBON, networkType }))).toEqual([]);
      expect(travel(use(30, { ...BERLIN, networkType }), use(10, LISBON))).toEqual([]);
    }
    // A carrier's gateways, one of which is abroad.
    expect(travel(use(30, BERLIN), use(10, { ...LISBON, asn: BERLIN.asn }))).toEqual([]);
    const knows = (minutesAgo: number) =>
      found([...atHome(), use(minutesAgo, LISBON), use(30, BERLIN), use(10, LISBON)]);
    expect(knows(DAY_MINUTES + 1)).toEqual([]);
    expect(knows(DAY_MINUTES - 1)).toHaveLength(1);
    // Token requests from a client's server and failed calls don't show the user's location.
    expect(travel(use(30, BERLIN), use(10, LISBON, { type: "token_issued" }))).toEqual([]);
    expect(travel(use(30, BERLIN), use(10, LISBON, { type: "auth_failed" }))).toEqual([]);
    expect(travel(use(30, BERLIN), use(10, LISBON, { type: "session_started" }))).toHaveLength(1);
  });

  it("raises a finding for two hours and requires IP enrichment", () => {
    const ago = (minutes: number) => travel(use(minutes + 10, BERLIN), use(minutes, LISBON));
    expect(ago(120)).toHaveLength(1);
    expect(ago(121)).toEqual([]);
    expect(travel(use(30), use(20), use(10))).toEqual([]);
  });

  it("ignores three users who move to one operator with their usual programs, because that is a VPN", () => {
    const away = (agent = AGENT) => [...atHome(), use(30, BERLIN), use(10, LISBON, { agent })];
    expect(found(away(), away())).toHaveLength(2);
    expect(found(away(), away(), away())).toEqual([]);
    expect(found(away(), away(), away("curl"))).toHaveLength(3);
    expect(found(away(), away(), away(), away("curl"))).toHaveLength(1);
  });

  it("compares alternating countries when coordinates are unknown", () => {
    const home: IpEnrichment = { asn: 64496, country: "DE" };
    const away: IpEnrichment = { asn: 64498, country: "PT" };
    const inTurn = (...parts: readonly (readonly [number, IpEnrichment])[]) =>
      found([...atHome(home), ...parts.map(([ago, enrichment]) => use(ago, enrichment))]);
    expect(inTurn([70, home], [50, away])).toEqual([]);
    expect(inTurn([70, home], [50, away], [10, home])).toMatchObject([
      { score: 40, observed: 1, threshold: 1, evidence: { changes_between: 1 } },
    ]);
    expect(inTurn([70, home], [50, away], [9, home])).toEqual([]);
    expect(inTurn([30, home], [20, { ...away, country: "DE" }], [10, home])).toEqual([]);
    expect(inTurn([40, home], [30, away], [20, home], [10, away])).toMatchObject([
      { score: 50, evidence: { changes_between: 2 } },
    ]);
  });
});

describe("kilometresBetween", () => {
  it("returns the great-circle distance", () => {
    const quarter = (Math.PI / 2) * 6371;
    expect(
      kilometresBetween({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 90 }),
    ).toBeCloseTo(quarter);
    expect(
      kilometresBetween({ latitude: 90, longitude: 7 }, { latitude: 0, longitude: -80 }),
    ).toBeCloseTo(quarter);
    expect(
      kilometresBetween({ latitude: 10, longitude: 179 }, { latitude: -10, longitude: -1 }),
    ).toBeCloseTo(2 * quarter);
    expect(
      kilometresBetween({ latitude: 52.52, longitude: 13.4 }, { latitude: 52.52, longitude: 13.4 }),
    ).toBe(0);
  });
});

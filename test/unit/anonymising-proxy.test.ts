import { describe, expect, it } from "vitest";
import type { DetectionSnapshot } from "../../shared/detection/rules/detection-snapshot.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import type { IpEnrichment } from "../../shared/events/ip-enrichment.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";
import { eventsBefore, rules } from "../seen-events.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");
const DAY_MINUTES = 24 * 60;

const HOME: IpEnrichment = { asn: 64496, organization: "Example Telecom", country: "DE" };
const exit = (networkType: IpEnrichment["networkType"], country = "DE"): IpEnrichment => ({
  asn: 64511,
  country,
  networkType,
});

const event = eventsBefore(NOW);
const use = (
  minutesAgo: number,
  enrichment?: IpEnrichment,
  parts: Partial<SeenEvent> = {},
): SeenEvent => ({
  ...event(minutesAgo),
  ip: "203.0.113.9",
  network: "203.0.0.0/16",
  agent: "Firefox on Linux",
  ...(enrichment && { enrichment }),
  ...parts,
});

/** Creates events that are spread over two days at the usual location. */
const atHome = (count = 5) =>
  Array.from({ length: count }, (_, n) =>
    use((n % 2 === 0 ? 3 : 2) * DAY_MINUTES - n, HOME, { ip: "10.1.2.3", network: "10.1.0.0/16" }),
  ).sort((a, b) => a.atMs - b.atMs);

const found = (parts: Partial<DetectionSnapshot>) =>
  findAnomalies(quietSnapshot(NOW, parts), rules)
    .filter(({ rule }) => rule.name === "anonymising_proxy")
    .map(({ rule: _, ...anomaly }) => anomaly);

const ofAda = (...events: readonly SeenEvent[]) =>
  found({ principals: new Map([["user:ada", events]]) });

describe("anonymising_proxy for a user", () => {
  const score = (enrichment: IpEnrichment, parts: Partial<SeenEvent> = {}) =>
    ofAda(...atHome(), use(5, enrichment, parts))[0]?.score;
  const curl = { agent: "curl" };

  it("alerts on a user's first use of Tor with at most medium risk", () => {
    expect(ofAda(...atHome(), use(5, exit("tor", "RO")), use(4, exit("tor", "RO")))).toMatchObject([
      {
        subject: { kind: "user", id: "ada" },
        clientId: "app",
        involved: [
          { kind: "ip", id: "203.0.113.9" },
          { kind: "token", id: "t1" },
        ],
        message:
          "user ada was active from 203.0.113.9, Tor AS64511 in RO (Firefox on Linux); none of the 5 earlier uses came through a VPN, proxy or Tor",
        score: 50,
        observed: 2,
        evidence: { network_type: "tor", usual_countries: ["DE"] },
      },
    ]);
    expect(score(exit("tor"))).toBe(45);
    expect(score(exit("tor", "RO"), curl)).toBe(65);
  });

  it("alerts on the use of a VPN or proxy only when the program changes too", () => {
    expect(score(exit("vpn", "NL"))).toBeUndefined();
    expect(score(exit("vpn"), curl)).toBeUndefined();
    expect(score(exit("vpn", "NL"), curl)).toBe(40);
    expect(score(exit("proxy", "NL"))).toBeUndefined();
    expect(score(exit("proxy"), curl)).toBe(45);
    expect(score(exit("hosting", "NL"), curl)).toBeUndefined();
    expect(score(exit("tor"), { type: "session_started" })).toBe(45);
    expect(score(exit("tor"), { type: "auth_failed" })).toBeUndefined();
  });

  it("ignores users who used proxies before and users with too little history", () => {
    const tor = exit("tor");
    expect(ofAda(use(9 * DAY_MINUTES, tor), ...atHome(), use(5, tor))).toEqual([]);
    expect(ofAda(use(9 * DAY_MINUTES, exit("vpn")), ...atHome(), use(5, tor))).toEqual([]);
    expect(ofAda(...atHome(4), use(5, tor))).toEqual([]);
    const oneDay = [0, 1, 2, 3, 4].map((n) => use(2 * DAY_MINUTES - n, HOME));
    expect(ofAda(...oneDay, use(5, tor))).toEqual([]);
    // Events without IP enrichment provide no history.
    const unknown = atHome().map(({ enrichment: _, ...event }) => event);
    expect(ofAda(...unknown, use(5, tor))).toEqual([]);
  });

  it("raises a finding for only two hours", () => {
    expect(ofAda(...atHome(), use(120, exit("tor")))).toHaveLength(1);
    expect(ofAda(...atHome(), use(121, exit("tor")))).toEqual([]);
  });
});

describe("anonymising_proxy for an exit address", () => {
  const people = (count: number, networkType: IpEnrichment["networkType"]) =>
    found({
      principals: new Map(
        Array.from({ length: count }, (_, n) => [
          `user:u${n}`,
          [...atHome(), use(9 - n, exit(networkType), { userId: `u${n}` })],
        ]),
      ),
    }).filter(({ subject }) => subject.kind === "ip");

  it("alerts on an exit address that many users use for the first time", () => {
    expect(people(4, "tor")).toEqual([]);
    expect(people(5, "tor")).toMatchObject([
      {
        subject: { kind: "ip", id: "203.0.113.9" },
        score: 75,
        observed: 5,
        threshold: 5,
        involved: expect.arrayContaining([{ kind: "user", id: "u4" }]),
      },
    ]);
    expect(people(5, "proxy")).toHaveLength(1);
    // A company starts to use a VPN.
    expect(people(9, "vpn")).toEqual([]);
  });

  const credentialGuesses = (
    count: number,
    enrichment: IpEnrichment,
    ip = "203.0.113.9",
    minutesAgo = 5,
  ) =>
    [
      ip,
      Array.from({ length: count }, (_, n) =>
        use(minutesAgo + n / 100, enrichment, {
          ip,
          type: "auth_failed",
          reason: "unknown_token",
          userId: undefined,
          tokenId: undefined,
          clientId: undefined,
        }),
      ).reverse(),
    ] as const;
  const at = (...addresses: readonly (readonly [string, readonly SeenEvent[]])[]) =>
    found({ addresses: new Map(addresses) });

  it("alerts on credential guesses even when they are spread over several exit addresses", () => {
    expect(at(credentialGuesses(9, exit("tor")))).toEqual([]);
    expect(at(credentialGuesses(10, exit("tor")))).toMatchObject([
      {
        subject: { kind: "ip", id: "203.0.113.9" },
        score: 65,
        observed: 10,
        threshold: 10,
        message:
          "10 credential guesses within two hours from 203.0.113.9, Tor AS64511 in DE; no call from there was allowed",
      },
    ]);
    expect(at(credentialGuesses(10, exit("vpn")))).toMatchObject([{ score: 50 }]);
    expect(
      at(
        credentialGuesses(4, exit("proxy"), "198.51.100.1"),
        credentialGuesses(6, exit("proxy"), "198.51.100.2"),
      ),
    ).toMatchObject([
      {
        subject: { id: "198.51.100.2" },
        score: 65,
        involved: [
          { kind: "ip", id: "198.51.100.2" },
          { kind: "ip", id: "198.51.100.1" },
        ],
        evidence: { addresses: 2, network_type: "proxy" },
      },
    ]);
    expect(
      at(credentialGuesses(5, exit("tor"), "198.51.100.1"), credentialGuesses(5, exit("proxy"))),
    ).toEqual([]);
    // Many customers share a VPN exit, and an exit with enough guesses becomes a separate incident.
    expect(
      at(credentialGuesses(5, exit("vpn"), "198.51.100.1"), credentialGuesses(5, exit("vpn"))),
    ).toEqual([]);
    expect(
      at(credentialGuesses(12, exit("tor"), "198.51.100.1"), credentialGuesses(9, exit("tor"))),
    ).toMatchObject([
      { subject: { id: "198.51.100.1" }, observed: 12, involved: [{ id: "198.51.100.1" }] },
    ]);
  });

  it("ignores guesses after two hours, from other networks or at addresses where users were allowed", () => {
    expect(at(credentialGuesses(10, exit("tor"), "203.0.113.9", 119.5))).toHaveLength(1);
    expect(at(credentialGuesses(10, exit("tor"), "203.0.113.9", 119.95))).toEqual([]);
    expect(at(credentialGuesses(50, exit("hosting")))).toEqual([]);
    expect(at(credentialGuesses(50, HOME))).toEqual([]);
    const [ip, events] = credentialGuesses(50, exit("vpn"));
    expect(at([ip, [use(300, exit("vpn")), ...events]])).toEqual([]);
    const rejected = events.map((each) => ({ ...each, reason: "expired_token" }));
    expect(at([ip, rejected])).toEqual([]);
  });
});

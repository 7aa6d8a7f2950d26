import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { clientsInNewNetworks } from "../../shared/detection/candidates.ts";
import type {
  DetectionSnapshot,
  KnownNetwork,
} from "../../shared/detection/rules/detection-snapshot.ts";
import { formatEnrichment, formatLocation } from "../../shared/detection/rules/location-novelty.ts";
import { type SeenEvent, toSeenEvent } from "../../shared/detection/rules/seen-event.ts";
import { type IpEnrichment, toEnrichmentData } from "../../shared/events/ip-enrichment.ts";
import { eventsBefore, findAt, location, ofAda, usesBefore } from "../seen-events.ts";

/** A Monday. */
const NOW = Date.parse("2026-11-23T10:00:00.000Z");

const found = findAt(NOW);

const event = eventsBefore(NOW);

const at = (
  ip: string,
  enrichment?: IpEnrichment,
  agent = "Firefox on Linux",
): Partial<SeenEvent> => {
  return { ...location(ip, agent), ...(enrichment && { enrichment }) };
};

const TELECOM: IpEnrichment = { asn: 64496, organization: "Example Telecom", country: "DE" };
const CABLE: IpEnrichment = { asn: 64497, organization: "Example Cable", country: "DE" };
const ABROAD: IpEnrichment = { asn: 64498, organization: "Example Net", country: "NL" };
const HOME = at("10.1.2.3", TELECOM);

const history = (where: Partial<SeenEvent> = HOME) => usesBefore(NOW, where);

const inTurn = (location: Partial<SeenEvent>, home = HOME) =>
  [9, 8, 7, 6, 5].map((ago) => event(ago, ago % 2 ? location : home));

describe("token_theft with IP enrichment", () => {
  const theft = (...uses: readonly SeenEvent[]) =>
    found(ofAda(...history(), event(100, HOME), event(90, HOME), ...uses)).filter(
      ({ rule }) => rule === "token_theft",
    );

  it("treats a new network of the same operator as known, but not a network of a different operator", () => {
    expect(theft(...inTurn(at("203.0.113.9", TELECOM)))).toEqual([]);
    expect(theft(...inTurn(at("203.0.113.9", CABLE)))).toMatchObject([{ score: 50 }]);
    // When the operator is unknown, only the network is compared.
    expect(theft(...inTurn(at("203.0.113.9")))).toMatchObject([{ score: 50 }]);
    expect(theft(...inTurn(at("10.1.99.9")))).toMatchObject([{ score: 45 }]);
  });

  it("treats a user who always uses one operator as settled, even across networks", () => {
    const roaming = [...history(), ...history(at("10.7.1.1", TELECOM))].sort(
      (a, b) => a.atMs - b.atMs,
    );
    const away = inTurn(at("203.0.113.9", CABLE));
    expect(found(ofAda(...roaming, event(90, HOME), ...away))).toMatchObject([
      {
        score: 50,
        evidence: {
          why: expect.arrayContaining(["always used from one operator before"]),
          operator: "AS64497 Example Cable",
          country: "DE",
          usual_countries: ["DE"],
          usual_locations: ["AS64496 Example Telecom in DE"],
        },
      },
    ]);
  });

  it("increases the score for a new country or network type, but only when there is other evidence", () => {
    for (const enrichment of [ABROAD, { ...CABLE, networkType: "vpn" as const }]) {
      const [known] = theft(...inTurn(at("203.0.113.9", CABLE)));
      const [novelty] = theft(...inTurn(at("203.0.113.9", enrichment)));
      expect(novelty?.score).toBe((known?.score ?? 0) + 10);
      // A traveller, or a user who switches on a VPN.
      expect(theft(event(5, at("203.0.113.9", enrichment)))).toEqual([]);
      expect(
        theft(...[9, 8, 7, 6, 5].map((ago) => event(ago, at("203.0.113.9", enrichment)))),
      ).toEqual([]);
    }
  });

  it("names the operator and country in the alert message", () => {
    const [alert] = theft(event(5, at("203.0.113.9", ABROAD, "curl")));
    expect(alert?.message).toBe(
      "Possible token theft: token t1 (user ada) made 1 calls from 203.0.113.9, AS64498 Example Net in NL (curl); usual: Firefox on Linux from AS64496 Example Telecom in DE",
    );
    expect(alert).toMatchObject({
      score: 95,
      evidence: { why: expect.arrayContaining(["new country: NL"]) },
    });
  });
});

describe("other rules with a new location", () => {
  const score = (parts: Partial<DetectionSnapshot>, name: string) =>
    found(parts).find(({ rule }) => rule === name)?.score;
  const both = (computeScore: (enrichment: IpEnrichment) => number | undefined) =>
    [TELECOM, CABLE, ABROAD].map(computeScore);

  it("give a new country a higher score and ignore a known operator", () => {
    const revokedAt = new Map([["t1", toInstant(NOW - 60 * MINUTE_MS)]]);
    const late = { type: "auth_failed", reason: "revoked_token" };
    const revoked = (enrichment: IpEnrichment) =>
      score(
        { ...ofAda(...history(), event(5, at("203.0.113.9", enrichment), late)), revokedAt },
        "revoked_token",
      );
    expect(both(revoked)).toEqual([undefined, 50, 60]);
    const reused = (enrichment: IpEnrichment) =>
      score(
        ofAda(
          ...history(),
          event(5, at("203.0.113.9", enrichment), {
            type: "auth_failed",
            reason: "refresh_token_reused",
          }),
        ),
        "credential_reuse",
      );
    expect(both(reused)).toEqual([undefined, 70, 80]);
    const device = (enrichment: IpEnrichment) =>
      score(
        ofAda(
          ...history(),
          event(5, at("203.0.113.9", enrichment), {
            type: "token_issued",
            tokenId: "t9",
            isDevice: true,
          }),
        ),
        "device_phishing",
      );
    expect(both(device)).toEqual([undefined, 45, 55]);
    const guessed = (enrichment: IpEnrichment) =>
      score(
        ofAda(
          ...history(),
          ...[30, 28, 26, 24, 22].map((ago) =>
            event(ago, at("198.51.100.1", enrichment), {
              type: "auth_failed",
              reason: "wrong_password",
              tokenId: undefined,
            }),
          ),
          event(10, at("203.0.113.9", enrichment), { type: "session_started", tokenId: undefined }),
        ),
        "success_after_failures",
      );
    expect(both(guessed)).toEqual([undefined, 80, 85]);
    const woken = (enrichment: IpEnrichment) =>
      score(
        {
          dormantTokens: [
            { clientId: "app", value: "t1", minutes: new Map([[NOW - 5 * MINUTE_MS, 1]]) },
          ],
          principals: new Map([
            [
              "token:t1",
              [event(9 * 24 * 60, HOME), event(5, at("203.0.113.9", enrichment))].map((each) => ({
                ...each,
                userId: undefined,
              })),
            ],
          ]),
        },
        "dormant_token",
      );
    expect(both(woken)).toEqual([undefined, 40, 50]);
  });
});

describe("findings with IP enrichment", () => {
  const HOSTING: IpEnrichment = {
    asn: 64504,
    organization: "Example Hosting",
    country: "FI",
    networkType: "hosting",
  };
  const ip = "203.0.113.9";
  const count = (value: string, n: number, clientId = "(none)") => ({
    clientId,
    value,
    minutes: new Map([[NOW - 5 * MINUTE_MS, n]]),
  });
  const credentialGuess = (address: string, parts: Partial<SeenEvent> = {}) =>
    event(5, at(address, HOSTING), {
      type: "auth_failed",
      reason: "unknown_token",
      userId: undefined,
      tokenId: undefined,
      ...parts,
    });
  const shown = { operator: "AS64504 Example Hosting", country: "FI", network_type: "hosting" };
  const where = "hosting AS64504 Example Hosting in FI";

  it("name the operator, country and network type for address rules", () => {
    expect(
      found({
        credentialGuessesByIp: [count(ip, 20)],
        addresses: new Map([[ip, [credentialGuess(ip)]]]),
      }),
    ).toMatchObject([
      {
        rule: "failure_burst",
        message: `20 credential guesses within 10 minutes from ${ip}, ${where}; no call from there was ever allowed`,
        evidence: shown,
      },
    ]);
    const shardCount = Array.from({ length: 6 }, (_, n) => `203.0.113.${n}`);
    expect(
      found({
        credentialGuessesByIp: shardCount.map((each) => count(each, 5)),
        addresses: new Map(shardCount.map((each) => [each, [credentialGuess(each)]])),
      }),
    ).toMatchObject([
      { rule: "network_guessing", message: expect.stringContaining(where), evidence: shown },
    ]);
    const lastWhole = NOW - HOUR_MS;
    const hours = new Map([0, 1, 2, 3].map((back) => [lastWhole - back * HOUR_MS, 6]));
    expect(
      found({
        credentialGuessHoursByIp: new Map([[ip, hours]]),
        addresses: new Map([[ip, [credentialGuess(ip)]]]),
      }),
    ).toMatchObject([
      { rule: "persistent_failures", message: expect.stringContaining(where), evidence: shown },
    ]);
    const dead = ["a", "b", "c", "d", "e"].map((userId) =>
      credentialGuess(ip, { reason: "expired_token", userId, tokenId: `of-${userId}` }),
    );
    expect(found({ addresses: new Map([[ip, dead]]) })).toMatchObject([
      { rule: "dead_tokens", message: expect.stringContaining(where), evidence: shown },
    ]);
  });

  it("name the operator, country and network type for administrative changes", () => {
    const did = (...events: readonly Partial<SeenEvent>[]) =>
      found({
        administration: events.map((parts) =>
          event(1, at(ip, HOSTING), { type: "admin_activity", userId: "root" }, parts),
        ),
      });
    expect(did({ code: "policy.rule.deactivate" })).toMatchObject([
      {
        rule: "admin_change",
        message: `root disabled a protection at the identity provider: policy.rule.deactivate, from ${ip}, ${where}`,
        evidence: shown,
      },
    ]);
    const clients = Array.from({ length: 5 }, () => ({
      code: "app.oauth2.client.lifecycle.create",
    }));
    expect(did(...clients)).toMatchObject([
      { rule: "registration_spike", message: expect.stringContaining(where), evidence: shown },
    ]);
  });
});

describe("rules for consent and token issuance", () => {
  const seenMs = new Map([
    ["old", NOW - 14 * DAY_MS],
    ["new", NOW - 2 * HOUR_MS],
  ]);
  const consents = (enrichment: IpEnrichment) =>
    found({
      firstSeenMs: seenMs,
      clients: new Map([
        [
          "new",
          Array.from({ length: 12 }, (_, n) => [
            event(90 - n, {
              type: "token_issued",
              clientId: "new",
              userId: `u${n}`,
              scopes: ["a:write"],
            }),
            event(60 - n, at(`203.${n}.113.9`, enrichment), { clientId: "new", userId: `u${n}` }),
          ]).flat(),
        ],
      ]),
    });

  it("treat a hosting provider as one location and a carrier as many", () => {
    expect(consents({ ...TELECOM, networkType: "hosting" })).toMatchObject([
      {
        rule: "consent_phishing",
        score: 65,
        message: expect.stringContaining(
          "most uses of their tokens come from hosting AS64496 Example Telecom in DE",
        ),
      },
    ]);
    expect(consents(TELECOM)).toEqual([]);
  });

  it("treat a different operator as a different location", () => {
    const asked = (enrichment: IpEnrichment) =>
      found({
        issuance: [
          {
            clientId: "app",
            lastHour: 200,
            hours: new Map(Array.from({ length: 40 }, (_, n) => [NOW - (n + 2) * HOUR_MS, 10])),
            firstSeenMs: NOW - 14 * DAY_MS,
          },
        ],
        uses: [
          {
            clientId: "app",
            lastHour: 1000,
            hours: new Map(Array.from({ length: 40 }, (_, n) => [NOW - (n + 2) * HOUR_MS, 50])),
            firstSeenMs: NOW - 14 * DAY_MS,
          },
        ],
        clients: new Map([
          [
            "app",
            [
              event(100, HOME, { type: "token_issued", userId: undefined }),
              ...[5, 4, 3].map((ago) =>
                event(ago, at("203.0.113.9", enrichment), {
                  type: "token_issued",
                  userId: undefined,
                }),
              ),
            ],
          ],
        ]),
      });
    expect(asked(CABLE)).toMatchObject([{ rule: "issuance_rate", score: 55 }]);
    expect(asked(TELECOM)).toEqual([]);
  });
});

describe("new_network with IP enrichment", () => {
  type Known = readonly [location: string, firstDaysAgo: number, lastDaysAgo?: number];
  const known = (...locations: readonly Known[]) =>
    new Map<string, readonly KnownNetwork[]>([
      [
        "service",
        locations.map(([network, firstDaysAgo, lastDaysAgo = 0]) => ({
          network,
          firstSeenAt: toInstant(NOW - firstDaysAgo * DAY_MS),
          lastSeenAt: toInstant(NOW - lastDaysAgo * DAY_MS),
          raised: false,
        })),
      ],
    ]);
  const used = (location: string, ...minutesAgo: readonly number[]) => ({
    clientId: "service",
    value: `${location} okhttp`,
    minutes: new Map(minutesAgo.map((ago) => [NOW - ago * MINUTE_MS, 1])),
  });
  const clientAgents = new Map([["service", new Map([["okhttp", NOW - 99 * DAY_MS]])]]);
  const ofService = (ago: number, ip: string, enrichment: IpEnrichment, tokenId = "s1") =>
    event(ago, at(ip, enrichment, "okhttp"), { clientId: "service", userId: undefined, tokenId });
  const raised = (
    knownNetworks: ReadonlyMap<string, readonly KnownNetwork[]>,
    serviceNetworks: readonly ReturnType<typeof used>[],
    events: readonly SeenEvent[] = [],
  ) =>
    found({
      knownNetworks,
      serviceNetworks,
      clientAgents,
      clients: new Map([["service", events]]),
    });

  it("alerts on a new operator while the service is still used from the old operator", () => {
    const events = [ofService(300, "10.1.0.1", TELECOM), ofService(50, "203.0.113.9", CABLE)];
    const uses = [used("AS64497", 50), used("AS64496", 10)];
    expect(raised(known(["AS64496", 9]), uses, events)).toMatchObject([
      {
        rule: "new_network",
        score: 45,
        message:
          "service is used from AS64497 Example Cable in DE (okhttp); usual: any program from AS64496 Example Telecom in DE",
        evidence: { network: "AS64497", operator: "AS64497 Example Cable" },
      },
    ]);
    const abroad = [ofService(300, "10.1.0.1", TELECOM), ofService(50, "203.0.113.9", ABROAD)];
    expect(
      raised(known(["AS64496", 9]), [used("AS64498", 50), used("AS64496", 10)], abroad),
    ).toMatchObject([{ score: 55 }]);
    // A service that moves abroad and is no longer used in its old location.
    expect(raised(known(["AS64496", 9]), [used("AS64498", 50)], abroad)).toEqual([]);
    expect(raised(known(["AS64496", 9], ["AS64497", 5]), uses, events)).toEqual([]);
  });

  it("ignores a fleet that uses many networks of one operator", () => {
    const uses = [used("AS64497", 50), used("AS64496", 10)];
    const fleet = (networks: number) =>
      Array.from({ length: networks }, (_, n) =>
        ofService(50 - n, `203.${n}.113.9`, CABLE, `${n}`),
      );
    expect(raised(known(["AS64496", 9]), uses, fleet(3))).toHaveLength(1);
    expect(raised(known(["AS64496", 9]), uses, fleet(4))).toEqual([]);
  });

  it("learns operators when enrichment starts and networks when it stops", () => {
    const on = [used("AS64497", 50), used("AS64496", 40, 10)];
    const networks = [["10.1.0.0/16", 60, 1]] as const;
    expect(raised(known(...networks), on)).toEqual([]);
    expect(raised(known(...networks, ["AS64496", 1.9]), on)).toEqual([]);
    expect(raised(known(...networks, ["AS64496", 2]), on)).toHaveLength(1);
    // After enrichment stops, the known networks are outdated, so they don't cover the time since.
    const off = [used("203.0.0.0/16", 50), used("10.1.0.0/16", 10)];
    const lastWithOperator = (daysAgo: number) =>
      raised(known(["10.1.0.0/16", 60], ["AS64496", 40, daysAgo]), off);
    expect(lastWithOperator(0)).toEqual([]);
    expect(lastWithOperator(2.9)).toEqual([]);
    expect(lastWithOperator(3)).toHaveLength(1);
  });

  it("still raises a new program while it learns operators", () => {
    const agents = new Map([
      [
        "service",
        new Map([
          ["java", NOW - 99 * DAY_MS],
          ["okhttp", NOW - 50 * MINUTE_MS],
        ]),
      ],
    ]);
    expect(
      found({
        knownNetworks: known(["10.1.0.0/16", 60]),
        serviceNetworks: [used("AS64497", 50)],
        clientAgents: agents,
      }),
    ).toMatchObject([
      {
        rule: "new_network",
        score: 45,
        evidence: { is_new_network: false, is_new_user_agent: true },
      },
    ]);
  });

  it("adds a client as a candidate unless its locations are still being learned", () => {
    const look = (location: string, ...locations: readonly Known[]) =>
      lookAfter(5, location, ...locations);
    const lookAfter = (minutes: number, location: string, ...locations: readonly Known[]) =>
      clientsInNewNetworks([used(location, minutes)], known(...locations), new Map(), {
        sinceMs: NOW - 10 * MINUTE_MS,
        nowMs: NOW,
        maxCandidates: 60,
      });
    expect(look("AS64497", ["AS64496", 9])).toEqual(["service"]);
    expect(look("AS64496", ["AS64496", 9])).toEqual([]);
    expect(look("AS64496", ["10.1.0.0/16", 9])).toEqual([]);
    expect(look("203.0.0.0/16", ["10.1.0.0/16", 9])).toEqual(["service"]);
    // A new operator counts for two hours, but a new network only since the last run.
    expect(lookAfter(120, "AS64497", ["AS64496", 9])).toEqual(["service"]);
    expect(lookAfter(121, "AS64497", ["AS64496", 9])).toEqual([]);
    expect(lookAfter(11, "203.0.0.0/16", ["10.1.0.0/16", 9])).toEqual([]);
  });

  it("compares an idle service only with locations of the same kind", () => {
    const idle = (location: string, ...locations: readonly Known[]) =>
      found({
        uses: [
          {
            clientId: "service",
            lastHour: 12,
            hours: new Map([
              [NOW - 12 * DAY_MS, 30],
              [NOW - HOUR_MS, 12],
            ]),
            firstSeenMs: NOW - 14 * DAY_MS,
          },
        ],
        serviceNetworks: [used(location, 5)],
        knownNetworks: known(...locations),
        clientAgents,
      }).filter(({ rule }) => rule === "idle_client");
    expect(idle("AS64497", ["AS64496", 60, 12])).toHaveLength(1);
    expect(idle("AS64496", ["AS64496", 60, 12])).toEqual([]);
    expect(idle("AS64497", ["10.1.0.0/16", 60, 12])).toEqual([]);
    expect(idle("AS64497", ["10.1.0.0/16", 60, 12], ["AS64496", 30, 12])).toHaveLength(1);
  });
});

describe("IP enrichment of an event", () => {
  it("is read from the event and dropped when it is invalid", () => {
    const read = (event_data: Record<string, unknown>) =>
      toSeenEvent({ event_type: "token_used", occurred_at: toInstant(NOW), event_data });
    expect(read({ ip: "203.0.113.9", ...toEnrichmentData(TELECOM) }).enrichment).toEqual(TELECOM);
    expect("enrichment" in read({ ip: "203.0.113.9", autonomous_system: { number: "x" } })).toBe(
      false,
    );
  });

  it("is formatted as text with only the known fields", () => {
    expect(formatEnrichment(undefined)).toBeUndefined();
    expect(formatEnrichment({ latitude: 1, longitude: 2 })).toBeUndefined();
    expect(formatEnrichment({ country: "DE" })).toBe("DE");
    expect(formatEnrichment({ asn: 64496 })).toBe("AS64496");
    expect(formatEnrichment({ organization: "Example", country: "DE", networkType: "vpn" })).toBe(
      "VPN Example in DE",
    );
    expect(formatEnrichment({ ...TELECOM, networkType: "tor" })).toBe(
      "Tor AS64496 Example Telecom in DE",
    );
    expect(formatLocation({ ip: "203.0.113.9", enrichment: TELECOM })).toBe(
      "203.0.113.9, AS64496 Example Telecom in DE",
    );
    expect(formatLocation({ network: "203.0.0.0/16" })).toBe("203.0.0.0/16");
    expect(formatLocation({})).toBe("an unknown address");
  });
});

import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { readEnrichment } from "../../shared/events/ip-enrichment.ts";
import { oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { ATTACK_CASES } from "../bench/evaluation/attack-cases.ts";
import { BENIGN_CASES } from "../bench/evaluation/benign-cases.ts";
import {
  ENRICHMENT_ATTACK_CASES,
  ENRICHMENT_BENIGN_CASES,
} from "../bench/evaluation/enrichment-cases.ts";
import {
  generateEvaluation,
  TEST_DAY_END_MS,
  TEST_DAY_MS,
} from "../bench/evaluation/generate-evaluation.ts";
import { getEvaluationEnrichment } from "../bench/evaluation/networks.ts";
import {
  PROVIDER_ATTACK_CASES,
  PROVIDER_BENIGN_CASES,
} from "../bench/evaluation/provider-cases.ts";
import { testSeeds, trainSeeds } from "../bench/evaluation/seeds.ts";

const [seed] = trainSeeds();
if (!seed) throw new Error("there is a train seed");
const traffic = generateEvaluation(seed);

describe("generateEvaluation", () => {
  it("generates different traffic for training and testing", () => {
    const other = generateEvaluation({ purpose: "test", number: seed.number });
    const ids = new Set(traffic.events.map(({ id }) => id));
    expect(other.events.filter(({ id }) => ids.has(id))).toEqual([]);
  });

  it("keeps training and test seeds disjoint", () => {
    const test = testSeeds().map(({ number }) => number);
    expect(trainSeeds().filter(({ number }) => test.includes(number))).toEqual([]);
  });

  it("generates between 20,000 and 42,000 valid events in chronological order", () => {
    const { events } = traffic;
    expect(events.length).toBeGreaterThan(20_000);
    expect(events.length).toBeLessThan(42_000);
    expect(
      events.filter((event) => !isDeepStrictEqual(oauthEventSchema.parse(event), event)),
    ).toEqual([]);
    const times = events.map(({ occurred_at }) => occurred_at);
    expect(times.toSorted()).toEqual(times);
  });

  it("is deterministic per seed, and adds only IP enrichment to each address", () => {
    const { events } = generateEvaluation(seed, { enrichment: false });
    expect(events.some(({ event_data }) => readEnrichment(event_data))).toBe(false);
    const withoutEnrichment = traffic.events.map((event) => {
      const { geo, autonomous_system, network_type, ...event_data } = event.event_data;
      return { ...event, event_data };
    });
    // Much faster than an expectation for each of these thousands of events.
    expect(isDeepStrictEqual(withoutEnrichment, events)).toBe(true);
    const wrong = traffic.events.filter(({ event_data }) => {
      const enrichment = readEnrichment(event_data);
      const isKnown = typeof enrichment?.asn === "number" && typeof enrichment.country === "string";
      return !isKnown || !isDeepStrictEqual(enrichment, getEvaluationEnrichment(event_data.ip));
    });
    expect(wrong).toEqual([]);
  });

  it("includes every case once on the test day with as many events as the label states", () => {
    const names = [
      BENIGN_CASES,
      ATTACK_CASES,
      PROVIDER_BENIGN_CASES,
      PROVIDER_ATTACK_CASES,
      ENRICHMENT_BENIGN_CASES,
      ENRICHMENT_ATTACK_CASES,
    ].flatMap(Object.keys);
    expect(traffic.labels.map(({ name }) => name)).toEqual(names);
    const ids = new Set(traffic.events.map(({ id }) => id));
    for (const { name, startMs, endMs, events, eventIds, parties } of traffic.labels) {
      expect(
        [...eventIds].filter((id) => !ids.has(id)),
        name,
      ).toEqual([]);
      expect(eventIds.size, name).toBe(events);
      expect(startMs, name).toBeGreaterThanOrEqual(TEST_DAY_MS);
      expect(endMs, name).toBeLessThan(TEST_DAY_END_MS);
      const own = traffic.events.filter(({ occurred_at, event_data: { ip } }) => {
        const atMs = Date.parse(occurred_at);
        return atMs >= startMs && atMs <= endMs && parties.has(`ip ${ip}`);
      });
      expect(own.length, name).toBeGreaterThanOrEqual(events);
    }
  });

  it("labels a client only when the attack targets the client", () => {
    const clients = (name: string) =>
      [...(traffic.labels.find((label) => label.name === name)?.parties ?? [])].filter((party) =>
        party.startsWith("client "),
      );
    expect(clients("theft_single_use")).toEqual([]);
    expect(clients("mfa_fatigue")).toEqual([]);
    expect(clients("consent_phishing")).toEqual(["client app-30"]);
    expect(clients("secret_leak_modest")).toHaveLength(1);
    expect(clients("stuffing_one_24")).toEqual(["client (none)"]);
    expect(clients("travellers")).not.toEqual([]);
  });

  it("records the previous use of a stolen token like the authorizer", () => {
    const theft = traffic.labels.find(({ name }) => name === "theft_single_use");
    const use = traffic.events.find(
      ({ event_type, event_data }) =>
        event_type === "token_used" &&
        theft?.parties.has(`ip ${event_data.ip}`) &&
        theft.parties.has(`token ${event_data.token_id}`),
    );
    expect(use?.event_data.previous_use).toMatchObject({ ip: expect.any(String) });
    expect(use?.event_data.previous_use).not.toMatchObject({ ip: use?.event_data.ip });
  });
});

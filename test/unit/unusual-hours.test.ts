import { describe, expect, it } from "vitest";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { findAnomalies } from "../../shared/detection/rules/find-anomalies.ts";
import { mergeRaised } from "../../shared/detection/rules/risk.ts";
import type { SeenEvent } from "../../shared/detection/rules/seen-event.ts";
import {
  activeHours,
  isUnusualHour,
  unusualHoursOfUser,
} from "../../shared/detection/rules/unusual-hours.ts";
import { quietSnapshot } from "../quiet-snapshot.ts";

/** A Wednesday at night. */
const NOW = Date.parse("2026-11-25T03:00:00.000Z");
const { rules } = parseMonitoringConfig({}).anomalies;

const use = (atMs: number, parts: Partial<SeenEvent> = {}): SeenEvent => ({
  atMs,
  type: "token_used",
  clientId: "app",
  userId: "ada",
  tokenId: "t1",
  ip: "10.1.2.3",
  network: "10.1.0.0/16",
  agent: "Firefox on Linux",
  endpoint: "/orders",
  scopes: [],
  ...parts,
});

/** Creates calls from nine to five on the given number of days, either weekdays or weekends. */
function office(days: number, { weekends = false, fromHour = 9, toHour = 17 } = {}): SeenEvent[] {
  const found: SeenEvent[] = [];
  for (let back = 1, known = 0; known < days; back += 1) {
    const startMs = Date.parse("2026-11-25T00:00:00.000Z") - back * DAY_MS;
    if ([0, 6].includes(new Date(startMs).getUTCDay()) !== weekends) continue;
    known += 1;
    for (let hour = toHour; hour >= fromHour; hour -= 1) {
      found.unshift(use(startMs + hour * HOUR_MS, { tokenId: `of-day-${back}` }));
    }
  }
  return found;
}

const principal = (...events: readonly SeenEvent[]) =>
  quietSnapshot(NOW, { principals: new Map([["user:ada", events]]) });
const find = (...events: readonly SeenEvent[]) =>
  unusualHoursOfUser.find(principal(...events), rules.unusual_hours);
const AT_NIGHT = use(NOW - 10 * MINUTE_MS);

describe("unusual_hours", () => {
  it("finds a user who is active at an hour that was quiet on all four previous days", () => {
    expect(find(...office(4), AT_NIGHT)).toMatchObject([
      {
        subject: { kind: "user", id: "ada" },
        involved: [{ kind: "token", id: "t1" }],
        score: 20,
        observed: 1,
        evidence: { known_days: 4, of: "weekdays" },
      },
    ]);
    expect(find(...office(3), AT_NIGHT)).toEqual([]);
    // Twenty calls are enough, nineteen aren't.
    const rarely = office(4, { fromHour: 9, toHour: 13 });
    expect(find(...rarely, AT_NIGHT)).toHaveLength(1);
    expect(find(...rarely.slice(1), AT_NIGHT)).toEqual([]);
  });

  it("ignores users who are active close to their usual hours or who work at night", () => {
    const worker = (fromHour: number, toHour: number) =>
      find(...office(6, { fromHour, toHour }), AT_NIGHT).length;
    // The call is in the hour that starts at two.
    expect([worker(4, 17), worker(3, 17), worker(0, 14), worker(16, 23)]).toEqual([1, 0, 0, 1]);
    // Eight quiet hours count as a night, seven don't.
    expect([worker(6, 21), worker(6, 22)]).toEqual([1, 0]);
  });

  it("treats weekdays and weekends separately", () => {
    expect(find(...office(6, { weekends: true }), AT_NIGHT)).toEqual([]);
    const usual = activeHours(office(4), NOW);
    expect(usual).toMatchObject({ quietFrom: 18, quietHours: 15 });
    const hours = [7, 8, 12, 17, 18, 19];
    expect(hours.filter((hour) => isUnusualHour(usual, hour * HOUR_MS, 8))).toEqual([7, 19]);
  });

  it("doesn't use the same night as history and applies only to users and their tokens", () => {
    const thisNight = use(NOW - 3 * HOUR_MS);
    expect(find(...office(4), thisNight, AT_NIGHT)).toHaveLength(1);
    const token = (userId: string | undefined) =>
      unusualHoursOfUser.find(
        quietSnapshot(NOW, {
          principals: new Map([
            ["token:t1", [...office(4), AT_NIGHT].map((each) => ({ ...each, userId }))],
          ]),
        }),
        rules.unusual_hours,
      );
    expect(token("ada")).toMatchObject([{ subject: { kind: "user", id: "ada" } }]);
    // Services run at any hour.
    expect(token(undefined)).toEqual([]);
  });

  it("never raises a finding alone but increases the score of other findings about the user", () => {
    expect(findAnomalies(principal(...office(6), AT_NIGHT), rules)).toEqual([]);
    /** A thief uses the day's token with a different program from a new network. */
    const token = { tokenId: "of-day-1" };
    const own = use(NOW - 3 * DAY_MS, { agent: "curl" });
    const thief = use(AT_NIGHT.atMs, { ...token, agent: "curl", ip: "10.1.9.9" });
    const events = [own, ...office(6)].sort((a, b) => a.atMs - b.atMs);
    const nightly = findAnomalies(principal(...events, thief), rules);
    // The scores of 25 for the program and 5 for the address aren't enough, even with 8 more for the hour.
    expect(nightly).toEqual([]);
    const elsewhere = { ...thief, ip: "203.0.113.9", network: "203.0.0.0/16" };
    const found = findAnomalies(principal(...events, elsewhere), rules);
    expect(found.map(({ rule, score }) => [rule.name, score])).toEqual([
      ["token_theft", 55],
      ["unusual_hours", 20],
    ]);
    // When the theft is muted, its supporting finding isn't raised.
    expect(mergeRaised(found.slice(1))).toEqual([]);
  });

  it("increases only scores of at least 32, and only for the same user or token", () => {
    const [support] = find(...office(4), AT_NIGHT);
    if (!support) throw new Error("there is support");
    const rule = unusualHoursOfUser;
    const lifted = (score: number, id: string) =>
      mergeRaised([
        { ...support, rule },
        {
          ...support,
          involved: [],
          score,
          subject: { kind: "user", id },
          rule: { ...rule, name: "other", isSupport: undefined as never },
        },
      ]).map((each) => each.rule.name);
    expect(lifted(32, "ada")).toEqual(["other", "unusual_hours"]);
    expect(lifted(31, "ada")).toEqual([]);
    expect(lifted(39, "bob")).toEqual([]);
    expect(lifted(40, "bob")).toEqual(["other"]);
  });
});

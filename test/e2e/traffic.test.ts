import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { caseText } from "../../local/traffic/case-text.ts";
import { detectOverRange } from "../../local/traffic/detect-over-range.ts";
import { generateTraffic } from "../../local/traffic/generate-traffic.ts";
import { openLocalFront } from "../../local/traffic/local-front.ts";
import { publishTraffic } from "../../local/traffic/publish-traffic.ts";
import { replayEvents } from "../../local/traffic/replay-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { useStack } from "./stack.ts";

const scene = useStack();

const endMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const startMs = endMs - DAY_MS;
const traffic = generateTraffic({ seed: 3, startMs, days: 1, clients: 8, eventsPerDay: 300 });

const getCount = (type: string) =>
  traffic.events.filter(({ event_type }) => event_type === type).length;

describe("replayed traffic", () => {
  it("stores and counts every event once when it is replayed several times", {
    timeout: 180_000,
  }, async () => {
    const { stack, library, get, admin } = scene();
    const target = { ...library, front: openLocalFront(stack.url) };
    const notified: string[] = [];
    const range = `from=${toInstant(startMs)}&to=${toInstant(endMs)}`;
    const stats = async () => {
      const query = `${range}&as_of=${toInstant(endMs)}`;
      const { computed_at: _, ...rest } = (await get(`/admin/oauth/stats?${query}`, admin)).body;
      return rest;
    };

    await publishTraffic(target, traffic, (line) => notified.push(line));
    expect(notified.at(-1)).toBe(
      `published all ${traffic.events.length} events; 0 are waiting to be stored`,
    );
    const first = await stats();
    const types = [...new Set(traffic.events.map(({ event_type }) => event_type))];
    expect(types).toContain("scope_violation");
    expect(first.events.by_type).toEqual(
      Object.fromEntries(types.map((type) => [type, getCount(type)])),
    );
    expect(first.total_tokens_issued).toBe(getCount("token_issued"));
    expect(Object.keys(first.tokens_by_client)).toContain("Order sync");

    await publishTraffic(target, traffic, () => {});
    expect(await stats()).toEqual(first);
  });

  it("shows a planted attack in the administrator's queries", async () => {
    const { get, admin } = scene();
    const stuffing = traffic.labels.find(({ attack }) => attack === "credential_stuffing");
    const range = `from=${toInstant(startMs)}&to=${toInstant(endMs)}`;
    const { body } = await get(`/admin/oauth/activity?${range}`, admin);
    const tried = traffic.events.filter(
      ({ event_data }) => event_data.ip === stuffing?.subject.id,
    ).length;
    expect(body.failures.by_ip).toContainEqual({ value: stuffing?.subject.id, count: tried });
    const theft = traffic.labels.find(({ attack }) => attack === "token_theft");
    const query = `token_id=${theft?.subject.id}&type=token_used&limit=1`;
    const [use] = (await get(`/admin/oauth/events?${query}`, admin)).body.events;
    expect(Date.parse(use.event_data.previous_use.at)).toBeLessThan(Date.parse(use.occurred_at));
  });

  it("publishes no faster than the subscriber stores", async () => {
    let waiting = 10_000;
    let published = 0;
    const front = {
      waiting: async () => {
        waiting = Math.max(0, waiting - 3000);
        if (waiting > 4000) expect(published).toBe(0);
        return waiting;
      },
      deadLetters: async () => 0,
      schedules: async () => [],
      runSchedule: async () => {},
    };
    const sink = {
      publish: async (events: readonly unknown[]) => {
        published += events.length;
      },
    };
    const { library } = scene();
    await publishTraffic({ ...library, sink, front }, { ...traffic, clients: [] }, () => {});
    expect(published).toBe(traffic.events.length);
  });

  it("fails when events end up as dead letters", async () => {
    const { stack, library, settle } = scene();
    const front = openLocalFront(stack.url);
    const [event] = traffic.events;
    if (!event) throw new Error("there is no event");
    const broken = { ...event, id: "no-uuid" };
    await expect(
      publishTraffic({ ...library, front }, { clients: [], events: [broken] }, () => {}),
    ).rejects.toThrow(
      "1 events could not be stored. List them with npx oauth-monitoring dead-letters list",
    );
    await settle();
  });
});

describe("detection over a range", () => {
  const fromMs = Date.parse("2026-11-23T10:00:00.000Z");
  const fakeFront = (schedules: string[]) => {
    const runs: [string, object][] = [];
    return {
      runs,
      schedules: async () => schedules,
      runSchedule: async (name: string, input: object) => {
        runs.push([name, input]);
      },
    };
  };

  it("learns hour by hour before the range, then runs for each five minutes in order", async () => {
    const front = fakeFront(["cleanup", "anomalies"]);
    const range = { fromMs, toMs: fromMs + 15 * MINUTE_MS };
    expect(await detectOverRange(front, range, () => {})).toBe(true);
    const [first, ...others] = front.runs.splice(0, 73);
    expect(first).toEqual(["anomalies", { as_of: "2026-11-20T10:00:00.000Z" }]);
    expect(others.at(-1)).toEqual(["anomalies", { as_of: "2026-11-23T10:00:00.000Z" }]);
    expect(front.runs).toEqual([
      ["anomalies", { as_of: "2026-11-23T10:05:00.000Z" }],
      ["anomalies", { as_of: "2026-11-23T10:10:00.000Z" }],
      ["anomalies", { as_of: "2026-11-23T10:15:00.000Z" }],
    ]);
  });

  it("reports that the stack has no detection schedule, and runs nothing", async () => {
    const front = fakeFront(["cleanup"]);
    expect(await detectOverRange(front, { fromMs, toMs: fromMs + DAY_MS }, () => {})).toBe(false);
    expect(front.runs).toEqual([]);
  });
});

describe("replay", () => {
  it("publishes events in slices, and notifies about each alert once", {
    timeout: 60_000,
  }, async () => {
    const { stack, library } = scene();
    const target = { ...library, front: openLocalFront(stack.url) };
    const range = { fromMs: endMs - 30 * MINUTE_MS, toMs: endMs };
    const credentialGuesses = Array.from({ length: 40 }, (_, n) =>
      createEvent(
        {
          eventType: "auth_failed",
          details: { ip: "198.51.100.200", endpoint: "/api/x", reason: "unknown_token" },
        },
        range.fromMs + n * 1000,
      ),
    );
    const opened: string[] = [];
    const parts: number[] = [];
    const alerts = await replayEvents(target, credentialGuesses, range, {
      writeLine: () => {},
      onAlert: ({ subject }) => opened.push(subject.id),
      pace: async (part) => void parts.push(part),
    });
    expect(parts).toEqual([0.5, 1]);
    expect(opened.filter((id) => id === "198.51.100.200")).toHaveLength(1);
    const alert = alerts.find(({ subject }) => subject.id === "198.51.100.200");
    expect(alert).toMatchObject({ rule: "failure_burst", risk: "high", observed: 40 });
    expect(caseText(stack.url, alert as Alert)).toContain("What to do: Block the address");
  });

  it("requires a stack with anomaly detection", async () => {
    const { library } = scene();
    const front = { ...openLocalFront("http://127.0.0.1:1"), schedules: async () => ["cleanup"] };
    await expect(
      replayEvents(
        { ...library, front },
        [],
        { fromMs: 0, toMs: 1 },
        { writeLine: () => {}, onAlert: () => {}, pace: async () => {} },
      ),
    ).rejects.toThrow("the stack has no detection schedule");
  });
});

describe("client for the local stack's routes", () => {
  it("lists and runs the stack's schedules", async () => {
    const front = openLocalFront(scene().stack.url);
    expect(await front.schedules()).toContain("cleanup");
    await front.runSchedule("cleanup", {});
    await expect(front.runSchedule("no-such", {})).rejects.toThrow(
      "the schedule no-such does not exist",
    );
  });

  it("explains how to start a stack if no stack responds", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    server.close();
    await once(server, "close");
    const front = openLocalFront(`http://127.0.0.1:${port}`);
    await expect(front.waiting()).rejects.toThrow("Start it with npm start");
  });
});

describe("npm run traffic and npm run replay", () => {
  it.each([
    ["play", ["--days", "0"], "days"],
    ["play", ["--until", "yesterday"], "until"],
    ["play", ["--wrong"], "--wrong"],
    ["replay", ["--minutes", "-1"], "minutes"],
    ["replay", ["one.json", "two.json"], "more than one file"],
  ])("%s rejects %s", async (name, args, word) => {
    const script = fileURLToPath(new URL(`../../local/traffic/${name}.ts`, import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", script, ...args]);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    expect(stderr).toContain(word);
  });
});

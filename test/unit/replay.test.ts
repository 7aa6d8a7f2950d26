import { describe, expect, it } from "vitest";
import { alertLine, caseLink, caseText } from "../../local/traffic/case-text.ts";
import { moveEvents, parseExportedEvents } from "../../local/traffic/exported-events.ts";
import { DAY_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { alertSchema } from "../../shared/detection/alert.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

const use = (atMs: number) =>
  createEvent(
    {
      eventType: "token_used",
      clientId: "app",
      userId: "ada",
      details: {
        token_id: "t1",
        ip: "192.0.2.1",
        endpoint: "/orders/2026-11-23",
        previous_use: { at: toInstant(atMs - MINUTE_MS), ip: "192.0.2.1" },
      },
    },
    atMs,
  );

/** Returns an event in the audit log's format. */
const stored = (atMs: number) => ({
  ...use(atMs),
  created_at: toInstant(atMs + 1000),
  expires_at: 1_800_000_000,
});

describe("exported events", () => {
  const events = [stored(NOW + 5 * MINUTE_MS), stored(NOW)];

  it("are read from CLI output, a JSON list or JSON lines and sorted by time", () => {
    for (const text of [
      JSON.stringify({ events }),
      JSON.stringify(events),
      events.map((event) => JSON.stringify(event)).join("\n"),
    ]) {
      const read = parseExportedEvents(text);
      expect(read.map(({ occurred_at }) => occurred_at)).toEqual([
        toInstant(NOW),
        toInstant(NOW + 5 * MINUTE_MS),
      ]);
      expect(read[0]).not.toHaveProperty("created_at");
    }
  });

  it("are rejected with the position and the expected content when they are invalid", () => {
    expect(() => parseExportedEvents("[]")).toThrow("the file has no events: give the output");
    expect(() => parseExportedEvents('{"a":1}\nno')).toThrow("line 2 is not valid JSON");
    expect(() => parseExportedEvents(JSON.stringify([events[0], { id: "x" }]))).toThrow(
      "event 2 is not valid",
    );
  });

  it("shifts each event, and the times in its data, by a deterministic amount", () => {
    const read = parseExportedEvents(JSON.stringify(events));
    const endMs = NOW + 30 * DAY_MS;
    const moved = moveEvents(read, endMs);
    expect(moved.map(({ occurred_at }) => occurred_at)).toEqual([
      toInstant(endMs - 5 * MINUTE_MS),
      toInstant(endMs),
    ]);
    expect(moved[1]?.event_data).toMatchObject({
      previous_use: { at: toInstant(endMs - MINUTE_MS), ip: "192.0.2.1" },
      endpoint: "/orders/2026-11-23",
    });
    expect(moveEvents(read, endMs)).toEqual(moved);
    expect(moved.map(({ id }) => id)).not.toEqual(read.map(({ id }) => id));
    expect(moveEvents([], endMs)).toEqual([]);
  });
});

describe("replay case", () => {
  const alert = alertSchema.parse({
    alert_id: "token_theft#token#t1",
    state: "resolved",
    rule: "token_theft",
    subject: { kind: "token", id: "t1" },
    risk: "high",
    score: 90,
    message: "Possible token theft: token t1",
    advice: "Revoke the token.",
    opened_at: toInstant(NOW),
    last_seen_at: toInstant(NOW + MINUTE_MS),
    findings: [
      {
        rule: "token_theft",
        subject: { kind: "token", id: "t1" },
        message: "two hands\u001b[2J",
        score: 90,
        observed: 1,
        first_seen_at: toInstant(NOW),
        last_seen_at: toInstant(NOW),
      },
    ],
    detections: 1,
    observed: 1,
    threshold: 1,
    window_start: toInstant(NOW),
    window_end: toInstant(NOW),
    evidence: {},
    event_id: "e",
    notified: true,
  });

  it("shows the score, findings, advice and link", () => {
    const text = caseText("http://127.0.0.1:3000", alert);
    expect(text).toContain("Case: token_theft, high risk (90 of 100)");
    expect(text).toContain("  10:00 token_theft: two hands");
    expect(text).not.toContain("\u001b");
    expect(text).toContain("What to do: Revoke the token.");
    expect(text).toContain(
      "http://127.0.0.1:3000/admin/oauth/dashboard?from=2026-11-23T08%3A00%3A00.000Z&to=2026-11-23T11%3A01%3A00.000Z&token_id=t1",
    );
    expect(alertLine(alert)).toBe("10:00  high    90  token_theft: Possible token theft: token t1");
  });

  it("links to a time range when the dashboard has no filter for the subject", () => {
    const network = { ...alert, subject: { kind: "network", id: "192.0.2.0/24" } as const };
    expect(caseLink("http://x", network)).not.toContain("192.0.2");
    const withoutClient = { ...alert, subject: { kind: "client", id: "(none)" } as const };
    expect(caseLink("http://x", withoutClient)).not.toContain("client_id");
  });
});

import { describe, expect, it } from "vitest";
import { useStack } from "./stack.ts";

const scene = useStack();

describe("detection in the stack", () => {
  it("raises an alert about a burst, notifies the topic, and lists the alert with the security events", async () => {
    const { get, send, admin, caller, settle, logs, stack } = scene();
    await get("/api/first", caller, { "x-forwarded-for": "198.51.100.1" });
    await get("/api/second", caller, { "x-forwarded-for": "192.0.2.1" });
    for (let n = 0; n < 50; n += 1) {
      await get("/api/orders", `oam_guess${n}`, { "x-forwarded-for": "203.0.113.66" });
    }
    await settle();

    const { body: uses } = await get("/admin/oauth/events?type=token_used&client_id=app", admin);
    const [second, first] = uses.events;
    expect(first.event_data.previous_use).toBeNull();
    expect(second.event_data.previous_use).toEqual({ at: first.occurred_at, ip: "198.51.100.1" });

    const run = async (body?: string) =>
      (await send("POST", "/_local/schedules/anomalies/run", {}, body)).body.result;
    const { opened } = await run();
    expect(opened).toMatchObject([
      { rule: "failure_burst", subject: { kind: "ip", id: "203.0.113.66" }, observed: 50 },
    ]);
    expect((await run()).opened).toEqual([]);
    expect((await get("/admin/oauth/alerts", admin)).body).toMatchObject({
      open: [{ alert_id: "failure_burst#ip#203.0.113.66", detections: 2, notified: true }],
      resolved: [],
    });
    await settle();

    const { body } = await get("/admin/oauth/security-events?limit=1", admin);
    expect(body.events).toMatchObject([
      {
        event_type: "suspicious_activity",
        event_data: { rule: "failure_burst", ip: "203.0.113.66", observed: 50 },
      },
    ]);
    const [notified, ...more] = (await get("/_local/notifications")).body.notifications;
    expect(more).toEqual([]);
    expect(notified.subject).toBe("OAuth alert (high risk): failure_burst ip 203.0.113.66");
    expect(notified.message.default).toContain("What to do: ");
    expect(JSON.parse(notified.message.sqs)).toMatchObject({
      alert_id: "failure_burst#ip#203.0.113.66",
    });
    expect(stack.notifications.list).toHaveLength(1);
    expect(logs.some((line) => line.includes("OAuth Security Alert: 50 credential guesses"))).toBe(
      true,
    );

    // One day ago there was no traffic.
    const dayAgo = new Date(Date.now() - 86_400_000).toISOString();
    expect(await run(JSON.stringify({ as_of: dayAgo }))).toMatchObject({
      opened: [],
      as_of: dayAgo,
    });
    expect(
      (await send("POST", "/_local/schedules/anomalies/run", {}, '{"as_of":"x"}')).status,
    ).toBe(500);
  });
});

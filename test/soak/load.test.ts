import { describe, expect, it } from "vitest";
import { useStack } from "../e2e/stack.ts";

const scene = useStack();

const CALLS = 10_000;
const CALLERS = 8;

describe("load of 10,000 allowed calls", () => {
  it("results in exactly 10,000 stored and counted token_used events and no leaked token", {
    timeout: 600_000,
  }, async () => {
    const { get, caller, admin, settle, eventsByType, storeText, busTraffic, logs } = scene();
    const sessionId = "a-session-id-that-nobody-should-see";
    let next = 0;
    let succeeded = 0;
    const call = async () => {
      while (next < CALLS) {
        next += 1;
        const answer = await get(`/api/items/${next % 50}`, caller, {
          "mcp-session-id": sessionId,
        });
        if (answer.status === 200) succeeded += 1;
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
    expect(succeeded).toBe(CALLS);
    await settle();
    const byType = await eventsByType();
    expect(byType.token_used).toBe(CALLS);
    expect(byType.scope_validation_success).toBe(CALLS);

    let stored = 0;
    let cursor = "";
    do {
      const query = `type=token_used&client_id=app&limit=1000${cursor && `&cursor=${cursor}`}`;
      const { body } = await get(`/admin/oauth/events?${query}`, admin);
      stored += body.events.length;
      cursor = body.next_cursor ?? "";
    } while (cursor);
    expect(stored).toBe(CALLS);

    await get("/api/x", `${caller}x`, { "user-agent": caller });
    await settle();
    const everything = [await storeText(), ...busTraffic, ...logs].join("\n");
    expect(everything).toContain("/api/items/");
    for (const secret of [caller, admin, sessionId]) expect(everything).not.toContain(secret);
  });
});

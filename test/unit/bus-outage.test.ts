import { describe, expect, it } from "vitest";
import { simulateBus } from "../outage/simulate-bus.ts";

const ENVIRONMENTS = 2;

// Uses virtual time, so a loaded machine doesn't affect the results.
describe("authorizer environments while EventBridge hangs", () => {
  it.each([30, 60])(
    "serve at least 95% of the normal call rate over %i seconds",
    async (seconds) => {
      const healthy = await simulateBus({ environments: ENVIRONMENTS, seconds });
      const hanging = await simulateBus({
        environments: ENVIRONMENTS,
        seconds,
        busHangsFor: seconds,
      });
      expect(healthy.calls).toBeGreaterThan(ENVIRONMENTS * seconds * 10);
      expect(hanging.calls).toBeGreaterThanOrEqual(0.95 * healthy.calls);
    },
  );

  it("lose no events and call EventBridge twice, then once every 30 seconds", async () => {
    const seconds = 60;
    const seen = await simulateBus({ environments: ENVIRONMENTS, seconds, busHangsFor: seconds });
    // Each call publishes one event. The last call in each environment may be unfinished.
    expect(seen.queued.size).toBeGreaterThanOrEqual(seen.calls);
    expect(seen.queued.size).toBeLessThanOrEqual(seen.calls + ENVIRONMENTS);
    expect(seen.onBus.size + seen.logged.size).toBe(0);
    expect(seen.hungCalls).toBe(ENVIRONMENTS * 3);
  });

  it("use EventBridge again within 30 seconds after it recovers", async () => {
    const environments = 1;
    const outage = { environments, busHangsFor: 40 };
    const [before, after] = [
      await simulateBus({ ...outage, seconds: 71 }),
      await simulateBus({ ...outage, seconds: 81 }),
    ];
    expect(after.queued.size).toBe(before.queued.size);
    expect(after.onBus.size).toBeGreaterThan(before.onBus.size);
    expect(after.queued.size + after.onBus.size).toBeGreaterThanOrEqual(after.calls);
  });

  it("log every event within a time and size limit when the queue hangs too", async () => {
    const seconds = 20;
    const [healthy, seen] = [
      await simulateBus({ environments: ENVIRONMENTS, seconds }),
      await simulateBus({
        environments: ENVIRONMENTS,
        seconds,
        busHangsFor: seconds,
        queueHangsFor: seconds,
      }),
    ];
    expect(seen.logged.size).toBeGreaterThanOrEqual(seen.calls);
    expect(seen.calls).toBeGreaterThan(0.85 * healthy.calls);
    // Far below the limit of 256 KB for one log event.
    expect(seen.longestLine).toBeLessThan(2048);
  });
});

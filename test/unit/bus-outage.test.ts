import { describe, expect, it } from "vitest";
import { simulateBus } from "../outage/simulate-bus.ts";

const ENVIRONMENTS = 2;
const SECONDS = 60;

// Uses virtual time, so a loaded machine doesn't affect the results.
describe("authorizer environments while EventBridge hangs", async () => {
  const healthy = await simulateBus({ environments: ENVIRONMENTS, seconds: SECONDS });
  const hanging = await simulateBus({
    environments: ENVIRONMENTS,
    seconds: SECONDS,
    busHangsFor: SECONDS,
  });

  it.each([30, SECONDS])(
    "serve at least 95% of the normal call rate over %i seconds",
    (seconds) => {
      const normal = healthy.callsWithin(seconds);
      expect(normal).toBeGreaterThan(ENVIRONMENTS * seconds * 10);
      expect(hanging.callsWithin(seconds)).toBeGreaterThanOrEqual(0.95 * normal);
    },
  );

  it("lose no events and call EventBridge twice, then once every 30 seconds", () => {
    const calls = hanging.callsWithin(SECONDS);
    // Each call publishes one event. The last call in each environment may be unfinished.
    expect(hanging.queued.size).toBeGreaterThanOrEqual(calls);
    expect(hanging.queued.size).toBeLessThanOrEqual(calls + ENVIRONMENTS);
    expect(hanging.onBus.size + hanging.logged.size).toBe(0);
    expect(hanging.hungCalls).toBe(ENVIRONMENTS * 3);
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
    expect(after.queued.size + after.onBus.size).toBeGreaterThanOrEqual(after.callsWithin(81));
  });

  it("log every event within a time and size limit when the queue hangs too", async () => {
    const seconds = 20;
    const seen = await simulateBus({
      environments: ENVIRONMENTS,
      seconds,
      busHangsFor: seconds,
      queueHangsFor: seconds,
    });
    const calls = seen.callsWithin(seconds);
    expect(seen.logged.size).toBeGreaterThanOrEqual(calls);
    expect(calls).toBeGreaterThan(0.85 * healthy.callsWithin(seconds));
    // Far below the limit of 256 KB for one log event.
    expect(seen.longestLine).toBeLessThan(2048);
  });
});

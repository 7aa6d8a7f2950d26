import { describe, expect, it } from "vitest";
import { attack, callOfOneClient } from "../contention/loads.ts";
import { simulate } from "../contention/simulate.ts";

// Uses virtual time, so a loaded machine doesn't affect the results. `npm run bench -- contention` prints the
// measurements, and `npm run test:soak` simulates a longer time.
const seconds = Number(process.env.CONTENTION_SECONDS ?? 10);

describe("subscribers that write the same counters", () => {
  it.each([
    ["calls by one client", { event: callOfOneClient, eventsPerSecond: 1000 }],
    [
      "an attack from random addresses on random endpoints",
      { event: attack, eventsPerSecond: 3000 },
    ],
  ])("keep up with a load of %s", async (_, load) => {
    const seen = await simulate({ ...load, subscribers: 10, seconds });
    expect(seen.stored).toBeGreaterThan(load.eventsPerSecond * (seconds - 2));
    // Includes the start of the run. With a fixed shard count, half of the transactions were cancelled.
    expect(seen.cancelled / seen.transactions).toBeLessThan(0.25);
    expect(seen.returned).toBe(0);
  });
});

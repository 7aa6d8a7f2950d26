import { describe, expect, it } from "vitest";
import { attack, callOfOneClient } from "../contention/loads.ts";
import { simulate } from "../contention/simulate.ts";

// Virtual time: a loaded machine changes nothing. `npm run bench -- contention` has the figures.
describe("subscribers that write the same counters", () => {
  it.each([
    ["calls of one client", { event: callOfOneClient, eventsPerSecond: 1000 }],
    [
      "an attack from random addresses on random endpoints",
      { event: attack, eventsPerSecond: 3000 },
    ],
  ])("keep up with %s", async (_, load) => {
    const seconds = 10;
    const seen = await simulate({ ...load, subscribers: 10, seconds });
    expect(seen.stored).toBeGreaterThan(load.eventsPerSecond * (seconds - 2));
    // From a standing start; half were cancelled when the spread was fixed.
    expect(seen.cancelled / seen.transactions).toBeLessThan(0.25);
    expect(seen.returned).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { registerLocations } from "../../shared/audit-log/first-locations.ts";
import { MINUTE_MS } from "../../shared/core/clock.ts";
import { type IpEnrichment, toEnrichmentData } from "../../shared/events/ip-enrichment.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { createWorld, type World } from "./store.ts";

const event = (
  world: World,
  enrichment: IpEnrichment | undefined,
  minutes = 0,
  parts: { eventType?: string; userId?: string | undefined } = {},
) =>
  createEvent(
    {
      eventType: "token_used",
      clientId: "app",
      userId: "ada",
      ...parts,
      details: {
        token_id: "t1",
        ip: "203.0.113.9",
        ...(enrichment && toEnrichmentData(enrichment)),
      },
    },
    world.time.nowMs + minutes * MINUTE_MS,
  );

/** Returns the indexes of the events that are novel. */
async function novelty(
  world: World,
  registered: Map<string, number>,
  ...events: readonly ReturnType<typeof event>[]
) {
  const found = await registerLocations(world, registered, events);
  return events.flatMap(({ id }, n) => (found.has(id) ? [n] : []));
}

describe("a user's first locations", () => {
  it("make a different country or network type novel for an hour in every process", async () => {
    const world = await createWorld();
    const [one, other] = [new Map<string, number>(), new Map<string, number>()];
    const home = { country: "DE", asn: 64496 };
    expect(await novelty(world, one, event(world, home))).toEqual([]);
    const abroad = event(world, { country: "NL" }, 5);
    expect(await novelty(world, one, event(world, home, 4), abroad)).toEqual([1]);
    // A batch that is delivered again, and later events within the hour.
    for (const registered of [one, other]) {
      expect(await novelty(world, registered, abroad)).toEqual([0]);
      expect(await novelty(world, registered, event(world, { country: "NL" }, 64.9))).toEqual([0]);
      expect(await novelty(world, registered, event(world, { country: "NL" }, 65))).toEqual([]);
      expect(await novelty(world, registered, event(world, home, 6))).toEqual([]);
    }
    const vpn = event(world, { ...home, networkType: "vpn" }, 70);
    expect(await novelty(world, other, vpn)).toEqual([0]);
    // A different operator in the same country is not novel.
    expect(await novelty(world, one, event(world, { country: "DE", asn: 64497 }, 70))).toEqual([]);
    const signIn = event(world, { country: "PT" }, 80, { eventType: "session_started" });
    expect(await novelty(world, one, signIn)).toEqual([0]);
  });

  it("are separate for each user, even within one batch", async () => {
    const world = await createWorld();
    const events = [
      event(world, { country: "NL" }, 2),
      event(world, { country: "DE" }, 1),
      event(world, { country: "NL" }, 3, { userId: "bob" }),
    ];
    // The earliest location counts as home, even if events arrive out of order.
    expect(await novelty(world, new Map(), ...events)).toEqual([0]);
    expect(await novelty(world, new Map(), ...events)).toEqual([0]);
  });

  it("cost one write per user and location, and nothing without IP enrichment", async () => {
    const world = await createWorld();
    const registered = new Map<string, number>();
    world.traffic.reset();
    await novelty(
      world,
      registered,
      event(world, undefined),
      event(world, { asn: 64496 }),
      event(world, { country: "DE" }, 0, { userId: undefined }),
      event(world, { country: "DE" }, 0, { eventType: "token_issued" }),
    );
    expect(world.traffic.roundTrips).toBe(0);
    const many = Array.from({ length: 50 }, (_, n) =>
      event(world, { country: n % 5 === 4 ? "NL" : "DE" }, n),
    );
    await novelty(world, registered, ...many);
    expect(world.traffic.writeUnits).toBe(2);
    world.traffic.reset();
    await novelty(world, registered, ...many);
    expect(world.traffic.roundTrips).toBe(0);
    await novelty(world, new Map(), ...many);
    expect(world.traffic.writeUnits).toBe(0);
    expect(world.traffic.readUnits).toBeLessThanOrEqual(1.5);
  });
});

import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { retentionDays } from "../../shared/config/event-retention.ts";
import { DAY_MS, toEpochSeconds, toInstant } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { firstReceipt } from "../../shared/integrations/provider-endpoint/receive-records.ts";
import { createWorld } from "./store.ts";

describe("first receipt of an event", () => {
  it("is unchanged by later and concurrent receipts, and costs one write unit", async () => {
    const world = await createWorld();
    const event = createEvent({ eventType: "auth_failed", details: {} }, world.time.nowMs);
    world.traffic.reset();
    expect(await firstReceipt(world, event)).toBe(toInstant(world.time.nowMs));
    expect(world.traffic).toMatchObject({ roundTrips: 1, writeUnits: 1 });
    const later = [1, 2, 3].map((days) => ({
      ...event,
      occurred_at: toInstant(world.time.nowMs + days * DAY_MS),
    }));
    const times = await Promise.all(later.map((each) => firstReceipt(world, each)));
    expect(new Set(times)).toEqual(new Set([toInstant(world.time.nowMs)]));
    const other = createEvent({ eventType: "auth_failed", details: {} }, world.time.nowMs + DAY_MS);
    expect(await firstReceipt(world, other)).toBe(other.occurred_at);
  });

  it("is kept as long as the event", async () => {
    const world = await createWorld();
    const event = createEvent({ eventType: "auth_failed", details: {} }, world.time.nowMs);
    await firstReceipt(world, event);
    const { Item } = await world.db.send(
      new GetCommand({
        TableName: world.countersTable,
        Key: { pk: `first-receipt/${event.id}`, sk: "-" },
      }),
    );
    const days = retentionDays(world.config, event.event_type);
    expect(Item?.ttl_epoch_seconds).toBe(toEpochSeconds(world.time.nowMs + (days + 1) * DAY_MS));
  });
});

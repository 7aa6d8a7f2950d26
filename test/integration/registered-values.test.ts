import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { RegistrationMemory, valuesInUse } from "../../shared/audit-log/values-in-use.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { createWorld } from "./store.ts";

describe("process whose table was emptied", () => {
  it("registers values that are in use again after an hour, so that readers find every event", async () => {
    const world = await createWorld();
    const memory = new RegistrationMemory();
    const store = async () => {
      const { clock } = world.context;
      const event = createEvent(
        {
          eventType: "token_used",
          clientId: "app",
          userId: "ada",
          details: { token_id: "t1", ip: "203.0.113.9" },
        },
        clock(),
      );
      await storeEvents(world, [event], { clock, registered: memory.at(clock()) });
    };
    const users = () => valuesInUse(world, "token_user/t1");
    const found = async () =>
      (await queryEvents(world.context, { tokenId: "t1", limit: 10 })).events.length;
    await store();
    expect(await users()).toEqual(["ada"]);

    await world.db.send(
      new DeleteCommand({
        TableName: world.countersTable,
        Key: { pk: "in-use/token_user/t1", sk: "ada" },
      }),
    );
    world.time.nowMs += HOUR_MS - MINUTE_MS;
    await store();
    expect(await users()).toEqual([]);
    expect(await found()).toBe(0);
    world.time.nowMs += MINUTE_MS;
    await store();
    expect(await users()).toEqual(["ada"]);
    expect(await found()).toBe(3);
  });
});

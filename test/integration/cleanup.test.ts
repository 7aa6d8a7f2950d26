import { paginateScan } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { listCleanupRuns } from "../../shared/cleanup/cleanup-runs.ts";
import { expiredSessions } from "../../shared/cleanup/cleanup-targets.ts";
import { deleteExpired } from "../../shared/cleanup/delete-expired.ts";
import {
  cleanupEvents,
  cleanupExpiredSessions,
  cleanupExpiredTokens,
  countCleanup,
  runCleanup,
} from "../../shared/cleanup/run-cleanup.ts";
import { DAY_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, startSession, storeAuthorizationCode } from "../../shared/index.ts";
import { generateSecret } from "../../shared/tokens/access-token.ts";
import { createWorld, type World } from "./store.ts";

/** Stores `expired` items of each kind that expire within a minute, and `alive` items that last a day. */
async function populate(world: World, expired: number, alive: number): Promise<void> {
  const quiet = { ...world.context, sink: { publish: async () => {} } };
  const make = async (expiresInSeconds: number) => {
    await issueToken(quiet, { clientId: "app", scopes: ["a"], expiresInSeconds });
    await startSession(quiet, { clientId: "app", scopes: [], expiresInSeconds });
    await storeAuthorizationCode(quiet, {
      code: generateSecret(),
      clientId: "app",
      userId: "ada",
      scopes: [],
      redirectUri: "https://app.example.com/cb",
      expiresInSeconds: Math.min(3600, expiresInSeconds),
    });
  };
  for (let n = 0; n < expired; n += 1) await make(60);
  for (let n = 0; n < alive; n += 1) await make(3600);
}

async function count(world: World, TableName: string): Promise<number> {
  let items = 0;
  for await (const page of paginateScan({ client: world.db }, { TableName })) {
    items += page.Items?.length ?? 0;
  }
  return items;
}

const FAR = Number.POSITIVE_INFINITY;

describe("runCleanup", () => {
  it("deletes every expired item of every kind, and exactly as many as the dry run counted", async () => {
    const world = await createWorld();
    await populate(world, 12, 5);
    world.time.nowMs += 60 * SECOND_MS;
    const planned = await countCleanup(world);
    expect(planned).toEqual({
      access_tokens: 12,
      authorization_codes: 12,
      sessions: 12,
      events: 0,
    });
    expect(await count(world, world.tokensTable)).toBe(17);
    const run = await runCleanup(world, { deadlineMs: FAR });
    expect(run).toMatchObject({ removed: planned, finished: true, status: "finished" });
    expect(await count(world, world.tokensTable)).toBe(5);
    expect(await count(world, world.sessionsTable)).toBe(5);
    expect(await count(world, world.authorizationCodesTable)).toBe(5);
    expect(await countCleanup(world)).toMatchObject({ access_tokens: 0, sessions: 0 });
    expect(await listCleanupRuns(world, 10, world.time.nowMs)).toEqual([run]);
  });

  it("stops before its deadline, and the next run resumes", async () => {
    const world = await createWorld({ cleanup: { concurrency: 1 } });
    await populate(world, 60, 0);
    world.time.nowMs += 60 * SECOND_MS;
    const startMs = world.time.nowMs;
    // Each read of the clock takes a millisecond.
    const ticking = { ...world.context, clock: () => world.time.nowMs++ };
    const first = await runCleanup(ticking, { deadlineMs: startMs + 40 });
    expect(first).toMatchObject({ finished: false, status: "stopped" });
    const remaining = await count(world, world.tokensTable);
    expect(remaining).toBeGreaterThan(0);
    expect(first.removed.access_tokens).toBe(60 - remaining);
    const second = await runCleanup(ticking, { deadlineMs: FAR });
    expect(second).toMatchObject({ finished: true, removed: { access_tokens: remaining } });
  });

  it("leaves a record marked as unfinished when it is killed, and the next run resumes", async () => {
    const world = await createWorld({ cleanup: { concurrency: 1 } });
    await populate(world, 10, 0);
    world.time.nowMs += 60 * SECOND_MS;
    world.traffic.reset();
    let deletes = 0;
    world.traffic.fault = ({ operation }) => {
      if (operation === "DeleteItem") deletes += 1;
      return deletes >= 15 ? { error: new Error("killed") } : undefined;
    };
    await expect(runCleanup(world, { deadlineMs: FAR })).rejects.toThrow("killed");
    world.traffic.reset();
    const [record] = await listCleanupRuns(world, 1, world.time.nowMs);
    expect(record).toMatchObject({ finished: false, status: "running" });
    world.time.nowMs += 1000;
    const before = await countCleanup(world);
    expect(await runCleanup(world, { deadlineMs: FAR })).toMatchObject({
      finished: true,
      removed: before,
    });
    expect(await count(world, world.tokensTable)).toBe(0);
  });

  it("keeps an item that the index lists as expired but that was renewed", async () => {
    const world = await createWorld();
    await populate(world, 3, 4);
    world.time.nowMs += 60 * SECOND_MS;
    const target = expiredSessions(world, world.time.nowMs);
    // Simulates an index that still lists a renewed item as expired.
    const queries = expiredSessions(world, world.time.nowMs + DAY_MS).queries;
    const limits = { clock: world.clock, deadlineMs: FAR, concurrency: 5 };
    const outcome = await deleteExpired(world.db, { ...target, queries }, limits);
    expect(outcome).toEqual({ removed: 3, finished: true });
    expect(await count(world, world.sessionsTable)).toBe(4);
  });

  it("uses one write per delete and one per index entry, and reads only expired items", async () => {
    const world = await createWorld();
    await populate(world, 10, 30);
    world.time.nowMs += 60 * SECOND_MS;
    world.traffic.reset();
    const { removed } = await cleanupExpiredSessions(world);
    expect(removed).toBe(10);
    expect(world.traffic.writeUnits).toBe(20);
    expect(world.traffic.readUnits).toBeGreaterThan(0);
    expect(world.traffic.readUnits).toBeLessThanOrEqual(4);
  });
});

describe("expired events", () => {
  it("are left to TTL until they are overdue, and are deleted together with their batch items", async () => {
    const world = await createWorld();
    const events = Array.from({ length: 5 }, (_, n) =>
      createEvent(
        { eventType: "token_used", clientId: "app", details: {} },
        world.time.nowMs - n - 1,
      ),
    );
    await world.sink.publish(events);
    expect(await count(world, world.eventsTable)).toBe(5 + 1);
    const eventsOverdueMs = 2 * DAY_MS;
    const removed = async () => {
      const run = await runCleanup(world, { deadlineMs: FAR, eventsOverdueMs });
      return run.removed.events;
    };
    world.time.nowMs += 92 * DAY_MS - 1000;
    expect((await countCleanup(world)).events).toBe(5);
    expect((await countCleanup(world, { eventsOverdueMs })).events).toBe(0);
    expect(await removed()).toBe(0);
    world.time.nowMs += 1000;
    expect(await removed()).toBe(5);
    expect(await count(world, world.eventsTable)).toBe(0);
  });
});

describe("cleanup record", () => {
  it("contains the start and duration, is kept for ninety days, and is listed newest first", async () => {
    const world = await createWorld();
    const startedMs = world.time.nowMs;
    const first = await runCleanup(world, { deadlineMs: FAR });
    expect(first).toEqual({
      started_at: toInstant(startedMs),
      finished_at: toInstant(startedMs),
      duration_ms: 0,
      removed: { access_tokens: 0, authorization_codes: 0, sessions: 0, events: 0 },
      status: "finished",
      finished: true,
    });
    world.time.nowMs += 1000;
    const second = await runCleanup(world, { deadlineMs: FAR });
    expect(await listCleanupRuns(world, 10, world.time.nowMs)).toEqual([second, first]);
    expect(await listCleanupRuns(world, 1, world.time.nowMs)).toEqual([second]);
    expect(await listCleanupRuns(world, 10, startedMs + 90 * DAY_MS)).toEqual([second]);
    expect(world.context.logger.lines.filter(({ level }) => level === "info")).toHaveLength(2);
  });

  it("is updated every two seconds with the progress so far", async () => {
    const world = await createWorld({ cleanup: { concurrency: 1 } });
    await populate(world, 1, 0);
    world.time.nowMs += 60 * SECOND_MS;
    const notified: number[] = [];
    const recordsAt = async (stepMs: number) => {
      world.traffic.reset();
      let records = 0;
      world.traffic.fault = ({ operation }) => {
        // Simulates slow deletes.
        if (operation === "DeleteItem") world.time.nowMs += stepMs;
        if (operation === "PutItem") records += 1;
        return undefined;
      };
      await runCleanup(world, {
        deadlineMs: FAR,
        onProgress: (removed) => {
          notified.push(Object.values(removed).reduce((sum, each) => sum + each, 0));
        },
      });
      return records;
    };
    // The record is written at the start and at the end. Three deletes of two seconds each add writes in between.
    const slow = await recordsAt(2 * SECOND_MS);
    expect(slow).toBeGreaterThan(2);
    expect(notified).toEqual([1, 2, 3]);
    await populate(world, 1, 0);
    world.time.nowMs += 60 * SECOND_MS;
    expect(await recordsAt(1)).toBe(2);
  });

  it("contains the error for one kind after all other kinds are done", async () => {
    const world = await createWorld();
    await populate(world, 2, 0);
    world.time.nowMs += 60 * SECOND_MS;
    const broken = { ...world.context, sessionsTable: "nowhere" };
    await expect(runCleanup(broken, { deadlineMs: FAR })).rejects.toThrow();
    const [record] = await listCleanupRuns(world, 1, world.time.nowMs);
    expect(record).toMatchObject({
      status: "failed",
      finished: false,
      error: expect.stringContaining("ResourceNotFound"),
      removed: { access_tokens: 2, authorization_codes: 2, sessions: 0 },
    });
    expect(record?.finished_at).toBeDefined();
  });
});

describe("deletion", () => {
  it("starts no delete after its deadline, and reports each page with items", async () => {
    const world = await createWorld();
    await populate(world, 3, 0);
    world.time.nowMs += 60 * SECOND_MS;
    const { nowMs } = world.time;
    const notified: number[] = [];
    const limits = {
      clock: world.clock,
      deadlineMs: nowMs,
      concurrency: 2,
      onProgress: (count: number) => void notified.push(count),
    };
    const target = expiredSessions(world, nowMs);
    expect(await deleteExpired(world.db, target, limits)).toEqual({ removed: 0, finished: false });
    expect(notified).toEqual([]);
    const later = { ...limits, deadlineMs: nowMs + 1 };
    expect(await deleteExpired(world.db, target, later)).toEqual({ removed: 3, finished: true });
    expect(notified.reduce((sum, each) => sum + each, 0)).toBe(3);
    expect(notified).not.toContain(0);
    world.traffic.fault = ({ operation }) =>
      operation === "DeleteItem" ? { error: new Error("no store") } : undefined;
    await populate(world, 1, 0);
    world.time.nowMs += 60 * SECOND_MS;
    const next = expiredSessions(world, world.time.nowMs);
    await expect(deleteExpired(world.db, next, { ...limits, deadlineMs: FAR })).rejects.toThrow(
      "no store",
    );
  });

  it("counts tokens and codes separately, and stops at its deadline", async () => {
    const world = await createWorld();
    await populate(world, 2, 1);
    world.time.nowMs += 60 * SECOND_MS - 1;
    expect(await cleanupExpiredTokens(world)).toEqual({
      access_tokens_removed: 0,
      authorization_codes_removed: 0,
      finished: true,
    });
    world.time.nowMs += 1;
    const stopped = await cleanupExpiredTokens(world, { deadlineMs: world.time.nowMs });
    expect(stopped).toMatchObject({ access_tokens_removed: 0, finished: false });
    expect(await cleanupExpiredTokens(world)).toEqual({
      access_tokens_removed: 2,
      authorization_codes_removed: 2,
      finished: true,
    });
  });
});

describe("cleanupEvents", () => {
  it("deletes only events that are past the retention for their type", async () => {
    const world = await createWorld({ retention: { daysByEventType: { token_used: 1 } } });
    const store = (eventType: string) =>
      world.sink.publish([createEvent({ eventType, details: {} }, world.time.nowMs)]);
    await store("token_used");
    await store("auth_failed");
    world.time.nowMs += DAY_MS;
    expect((await countCleanup(world)).events).toBe(1);
    await store("token_used");
    expect(await cleanupEvents(world)).toEqual({ removed: 1, finished: true });
    expect(await count(world, world.eventsTable)).toBe(2);
    world.time.nowMs += 89 * DAY_MS - 1;
    expect((await cleanupEvents(world)).removed).toBe(1);
    world.time.nowMs += 1;
    expect((await cleanupEvents(world)).removed).toBe(1);
    expect(await count(world, world.eventsTable)).toBe(0);
  });
});

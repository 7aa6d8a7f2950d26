import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { issueToken, registerClient, revokeToken } from "../../shared/index.ts";
import { listUnusedTokens, MAX_EXAMINED } from "../../shared/response/list-credentials.ts";
import { listClients, unusedClients } from "../../shared/statistics/list-clients.ts";
import { expiryAttributes } from "../../shared/tokens/expiry-attributes.ts";
import { recordTokenUse } from "../../shared/tokens/token-use.ts";
import { fillTable } from "../bench/fill-table.ts";
import { createWorld } from "./store.ts";

const YEAR_SECONDS = 365 * 86_400;

async function scene() {
  const world = await createWorld();
  const issue = async (userId: string, expiresInSeconds = YEAR_SECONDS, clientId = "app") =>
    (await issueToken(world.context, { clientId, userId, scopes: ["a"], expiresInSeconds })).token;
  const unused = async (days: number, more = {}) => {
    const { nowMs } = world.time;
    const found = await listUnusedTokens(world, { nowMs, sinceMs: nowMs - days * DAY_MS, ...more });
    return { ...found, users: found.items.map(({ user_id }) => user_id) };
  };
  return { world, issue, unused };
}

describe("unused tokens", () => {
  it("are tokens issued before the given time and not used since, longest unused first", async () => {
    const { world, issue, unused } = await scene();
    await issue("never");
    const early = await issue("early");
    const busy = await issue("busy");
    await issue("short", 3600);
    await revokeToken(world.context, (await issue("revoked")).token_id);
    world.time.nowMs += 10 * DAY_MS;
    await recordTokenUse(world, early.token_digest, world.time.nowMs, "192.0.2.1");
    world.time.nowMs += 35 * DAY_MS;
    await recordTokenUse(world, busy.token_digest, world.time.nowMs, "192.0.2.1");
    await issue("new");
    world.time.nowMs += HOUR_MS;
    const { users, items, next, examined } = await unused(30);
    expect(users).toEqual(["never", "early"]);
    expect(next).toBeUndefined();
    expect(examined).toBe(5);
    expect(JSON.stringify(items)).not.toContain(early.token_digest);
    expect((await unused(40)).users).toEqual(["never"]);
    expect((await unused(60)).users).toEqual([]);
  });

  it("can be found by user or client", async () => {
    const { world, issue, unused } = await scene();
    await issue("ada");
    await issue("eve");
    await issue("ada", YEAR_SECONDS, "other");
    world.time.nowMs += 31 * DAY_MS;
    expect((await unused(30, { principal: { kind: "user", id: "eve" } })).users).toEqual(["eve"]);
    const ofApp = await unused(30, { principal: { kind: "client", id: "app" } });
    expect(ofApp.users.toSorted()).toEqual(["ada", "eve"]);
  });

  it("are read in parts of limited cost, and each token is returned once", {
    timeout: 60_000,
  }, async () => {
    const { world, unused } = await scene();
    const { nowMs, nowMs: issuedMs } = world.time;
    const count = 2500;
    await fillTable(world.db, world.tokensTable, count, (n) => ({
      token_digest: `digest-${n}`,
      token_id: `token-${n}`,
      oauth_client_id: "app",
      user_id: `user-${n}`,
      scopes: ["a"],
      issued_at: toInstant(issuedMs),
      // Several hundred tokens expire at the same instant, so some parts end within such a group.
      ...expiryAttributes(
        `digest-${n}`,
        nowMs + YEAR_SECONDS * 1000 + Math.floor(n / 300),
        world.config,
      ),
    }));
    world.time.nowMs += 31 * DAY_MS;
    const seen: (string | undefined)[] = [];
    let expiresBefore: string | undefined;
    let parts = 0;
    do {
      world.traffic.reset();
      const part = await unused(30, { expiresBefore });
      expect(part.examined).toBeLessThanOrEqual(MAX_EXAMINED);
      expect(world.traffic.readUnits).toBeLessThan(1.2 * MAX_EXAMINED);
      seen.push(...part.users);
      expiresBefore = part.next;
      parts += 1;
    } while (expiresBefore !== undefined && parts < 10);
    expect(seen).toHaveLength(count);
    expect(new Set(seen).size).toBe(count);
    expect(parts).toBe(3);
  });
});

describe("unused clients", () => {
  it("are clients registered before the given time and not used since, clients with tokens first", async () => {
    const { world, issue } = await scene();
    for (const clientId of ["idle", "holding", "used"]) {
      await registerClient(world.context, { clientId, name: clientId });
    }
    await issueToken(world, { clientId: "holding", scopes: ["a"], expiresInSeconds: YEAR_SECONDS });
    await issue("ada", YEAR_SECONDS, "used");
    world.time.nowMs += 31 * DAY_MS;
    await registerClient(world.context, { clientId: "new", name: "new" });
    const clients = (await listClients(world)).map((client) =>
      client.oauth_client_id === "used"
        ? { ...client, last_used_at: toInstant(world.time.nowMs - DAY_MS) }
        : client,
    );
    const found = unusedClients(clients, world.time.nowMs - 30 * DAY_MS);
    expect(found.map(({ oauth_client_id: id, active_tokens: n }) => [id, n])).toEqual([
      ["holding", 1],
      ["idle", 0],
    ]);
  });
});

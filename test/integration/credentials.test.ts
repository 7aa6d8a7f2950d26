import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import {
  endSession,
  issueToken,
  registerClient,
  revokeToken,
  startSession,
  storeAuthorizationCode,
  trackTokenUsage,
} from "../../shared/index.ts";
import { digestSecret } from "../../shared/tokens/access-token.ts";
import { findSession } from "../../shared/tokens/client-session.ts";
import { findClients, recordClientUse } from "../../shared/tokens/oauth-client.ts";
import { createWorld, type World } from "./store.ts";

const TOKEN = { clientId: "app", userId: "ada", scopes: ["a", "b", "a"], expiresInSeconds: 60 };
const CODE = {
  code: "x".repeat(16),
  clientId: "app",
  userId: "ada",
  scopes: ["a"],
  redirectUri: "https://app.example.com/cb",
};

async function getItem(world: World, TableName: string, Key: Record<string, string>) {
  return (await world.db.send(new GetCommand({ TableName, Key }))).Item;
}

/** Returns the attributes that mark an item as expiring `seconds` from now. */
const expiring = (world: World, seconds: number) => ({
  expires_at: toInstant(world.time.nowMs + seconds * 1000),
  expiry_shard: expect.stringMatching(/^expiry#[0-3]$/),
  ttl_epoch_seconds: (world.time.nowMs + seconds * 1000 + 7 * DAY_MS) / 1000,
});

describe("issued token", () => {
  it("is stored by its digest, published as an event, and found by its public ID", async () => {
    const world = await createWorld();
    const { secret, token } = await issueToken(world, TOKEN);
    expect(secret).toMatch(/^oam_[A-Za-z0-9_-]{43}$/);
    expect(token).toEqual({
      token_digest: digestSecret(secret),
      token_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      listed: true,
      oauth_client_id: "app",
      user_id: "ada",
      scopes: ["a", "b"],
      issued_at: toInstant(world.time.nowMs),
      expires_at: toInstant(world.time.nowMs + 60_000),
    });
    const { token_digest } = token;
    expect(await getItem(world, world.tokensTable, { token_digest })).toEqual({
      ...token,
      ...expiring(world, 60),
    });
    const { token_id, issued_at, expires_at, scopes } = token;
    expect(world.published).toMatchObject([
      {
        event_type: "token_issued",
        occurred_at: issued_at,
        oauth_client_id: "app",
        user_id: "ada",
        event_data: { token_id, issued_at, expires_at, scopes },
      },
    ]);
    world.time.nowMs += 5;
    expect(await revokeToken(world, token_id)).toMatchObject({
      token_id,
      revoked_at: toInstant(world.time.nowMs),
    });
    expect(world.published[1]).toMatchObject({
      event_type: "token_revoked",
      occurred_at: toInstant(world.time.nowMs),
      event_data: { token_id, issued_at, expires_at },
    });
  });

  it.each([
    ["no scope", { scopes: [] }],
    ["a lifetime of zero seconds", { expiresInSeconds: 0 }],
    ["a lifetime of more than a year", { expiresInSeconds: 366 * 86_400 + 1 }],
    ["an empty client ID", { clientId: "" }],
    ["101 scopes", { scopes: Array.from({ length: 101 }, (_, n) => `s${n}`) }],
    [
      "2049 characters of scopes",
      { scopes: [..."abcdefghijklmnop"].map((c) => c.repeat(127 + Number(c < "c"))) },
    ],
    ["an unknown option", { clientID: "app" }],
  ])("is rejected with %s", async (_, over) => {
    const world = await createWorld();
    await expect(issueToken(world, { ...TOKEN, ...over })).rejects.toThrow();
    expect(world.traffic.roundTrips).toBe(0);
  });

  it("can live for a year, with a hundred scopes or 2048 characters of scopes", async () => {
    const world = await createWorld();
    const year = 366 * 86_400;
    const { token } = await issueToken(world, { ...TOKEN, expiresInSeconds: year });
    expect(token.expires_at).toBe(toInstant(world.time.nowMs + 366 * DAY_MS));
    for (const scopes of [
      Array.from({ length: 100 }, (_, n) => `s${n}`),
      // Sixteen scopes of 127 characters with fifteen spaces between them, and one character more.
      [..."abcdefghijklmnop"].map((c) => c.repeat(127 + Number(c === "a"))),
    ]) {
      expect((await issueToken(world, { ...TOKEN, scopes })).token.scopes).toEqual(scopes);
    }
  });

  it("is not issued, used, revoked or ended without an error if its event cannot be published", async () => {
    const world = await createWorld();
    const { token } = await issueToken(world, TOKEN);
    const session = await startSession(world, { ...TOKEN, scopes: [] });
    const silent = { ...world.context, sink: { publish: () => Promise.reject("no bus") } };
    const request = { endpoint: "/x", method: "GET", ip: "203.0.113.9" };
    await expect(issueToken(silent, TOKEN)).rejects.toBe("no bus");
    await expect(trackTokenUsage(silent, token, request)).rejects.toBe("no bus");
    await expect(revokeToken(silent, token.token_id)).rejects.toBe("no bus");
    await expect(startSession(silent, { ...TOKEN, scopes: [] })).rejects.toBe("no bus");
    await expect(endSession(silent, session.secret)).rejects.toBe("no bus");
  });

  it("records the normalized IP address and the previous use", async () => {
    const world = await createWorld();
    const { token } = await issueToken(world, TOKEN);
    const use = async (ip: string) => {
      world.time.nowMs += 1000;
      await trackTokenUsage(world, token, { endpoint: "/x", method: "GET", ip });
      return world.published.at(-1);
    };
    const first = await use("::ffff:203.0.113.9");
    expect(first).toMatchObject({
      event_type: "token_used",
      occurred_at: toInstant(world.time.nowMs),
      event_data: { ip: "203.0.113.9", previous_use: null, endpoint: "/x", method: "GET" },
    });
    expect((await use("203.0.113.10"))?.event_data.previous_use).toEqual({
      at: first?.occurred_at,
      ip: "203.0.113.9",
    });
    // An inactive token's previous use is unknown.
    world.time.nowMs += 60_000;
    expect((await use("203.0.113.10"))?.event_data).not.toHaveProperty("previous_use");
  });
});

describe("session", () => {
  it("is stored by its digest, published as events when it starts and ends, and then deleted", async () => {
    const world = await createWorld();
    const { secret, session } = await startSession(world, { ...TOKEN, tokenId: "t1" });
    expect(session).toEqual({
      session_digest: digestSecret(secret),
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      oauth_client_id: "app",
      user_id: "ada",
      token_id: "t1",
      scopes: ["a", "b"],
      started_at: toInstant(world.time.nowMs),
      expires_at: toInstant(world.time.nowMs + 60_000),
    });
    const { session_digest, session_id } = session;
    expect(await getItem(world, world.sessionsTable, { session_digest })).toEqual({
      ...session,
      ...expiring(world, 60),
    });
    expect(await findSession(world, secret)).toEqual(session);
    expect(await endSession(world, secret)).toEqual(session);
    expect(await findSession(world, secret)).toBeUndefined();
    expect(await endSession(world, secret)).toBeUndefined();
    expect(world.published).toMatchObject([
      {
        event_type: "session_started",
        event_data: {
          session_id,
          token_id: "t1",
          scopes: ["a", "b"],
          expires_at: session.expires_at,
        },
      },
      { event_type: "session_ended", oauth_client_id: "app", event_data: { session_id } },
    ]);
    expect(world.published).toHaveLength(2);
  });

  it("lives for at most thirty days, and can have no scopes", async () => {
    const world = await createWorld();
    const days = (seconds: number) =>
      startSession(world, { clientId: "app", scopes: [], expiresInSeconds: seconds });
    expect((await days(30 * 86_400)).session.expires_at).toBe(
      toInstant(world.time.nowMs + 30 * DAY_MS),
    );
    await expect(days(30 * 86_400 + 1)).rejects.toThrow();
    await expect(days(0)).rejects.toThrow();
  });
});

describe("authorization code", () => {
  it("is stored by its digest for ten minutes and used once", async () => {
    const world = await createWorld();
    await storeAuthorizationCode(world, CODE);
    const code_digest = digestSecret(CODE.code);
    expect(await getItem(world, world.authorizationCodesTable, { code_digest })).toEqual({
      code_digest,
      oauth_client_id: "app",
      user_id: "ada",
      scopes: ["a"],
      redirect_uri: CODE.redirectUri,
      issued_at: toInstant(world.time.nowMs),
      ...expiring(world, 600),
    });
    await expect(storeAuthorizationCode(world, CODE)).rejects.toThrow();
  });

  it("has 16 to 1024 characters, and lives for at most an hour", async () => {
    const world = await createWorld();
    await storeAuthorizationCode(world, {
      ...CODE,
      code: "y".repeat(1024),
      expiresInSeconds: 3600,
    });
    for (const over of [
      { code: "x".repeat(15) },
      { code: "x".repeat(1025) },
      { expiresInSeconds: 3601 },
      { expiresInSeconds: 0 },
      { redirectUri: "nowhere" },
    ]) {
      await expect(storeAuthorizationCode(world, { ...CODE, ...over })).rejects.toThrow();
    }
  });
});

describe("client", () => {
  it("is registered and renamed, and its last use never moves back", async () => {
    const world = await createWorld();
    const now = toInstant(world.time.nowMs);
    const registered = await registerClient(world, { clientId: "app", name: "App" });
    const app = { oauth_client_id: "app", client_name: "App", status: "active", created_at: now };
    expect(registered).toEqual(app);
    await recordClientUse(world, "app", "2026-11-23T10:00:05.000Z");
    await recordClientUse(world, "app", "2026-11-23T10:00:01.000Z");
    world.time.nowMs += 1000;
    expect(
      await registerClient(world, { clientId: "app", name: "Shop", status: "inactive" }),
    ).toEqual({
      ...app,
      client_name: "Shop",
      status: "inactive",
      last_used_at: "2026-11-23T10:00:05.000Z",
    });
    await recordClientUse(world, "new", "2026-11-23T10:00:05.000Z");
    const found = await findClients(world, ["app", "new", "app", "nobody"]);
    expect([...found.keys()].sort()).toEqual(["app", "new"]);
    expect(found.get("new")).toEqual({
      oauth_client_id: "new",
      status: "active",
      created_at: "2026-11-23T10:00:05.000Z",
      last_used_at: "2026-11-23T10:00:05.000Z",
    });
    world.traffic.fault = () => ({ error: new Error("no store") });
    await expect(recordClientUse(world, "app", now)).rejects.toThrow("no store");
  });
});

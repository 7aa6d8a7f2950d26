import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, tokenUsageStats, trackTokenUsage } from "../../shared/index.ts";
import { createWorld } from "./store.ts";

describe("OAuthMonitoringService", () => {
  describe(".track_token_usage", () => {
    it("updates last_used_at", async () => {
      const world = await createWorld();
      const { token } = await issueToken(world, {
        clientId: "app",
        scopes: ["api:read"],
        expiresInSeconds: 3600,
      });
      world.time.nowMs += 1234;
      await trackTokenUsage(world, token, {
        endpoint: "/api/data",
        method: "GET",
        ip: "127.0.0.1",
        user_agent: "Test",
      });
      const { Item } = await world.db.send(
        new GetCommand({ TableName: world.tokensTable, Key: { token_digest: token.token_digest } }),
      );
      expect(Item?.last_used_at).toBe(toInstant(world.time.nowMs));
    });
  });

  describe(".token_usage_stats", () => {
    it("returns correct statistics", async () => {
      const world = await createWorld();
      for (let n = 0; n < 3; n += 1) {
        await issueToken(world, { clientId: "app", scopes: ["a"], expiresInSeconds: 7200 });
      }
      const now = world.time.nowMs;
      await world.sink.publish([
        createEvent(
          {
            eventType: "token_issued",
            clientId: "app",
            details: { token_id: "old", expires_at: toInstant(now - HOUR_MS) },
          },
          now,
        ),
      ]);
      world.time.nowMs += 1;
      expect(await tokenUsageStats(world)).toMatchObject({
        total_tokens_issued: 4,
        active_tokens: 3,
        expired_tokens: 1,
        revoked_tokens: 0,
        tokens_by_client: { app: 4 },
      });
    });
  });
});

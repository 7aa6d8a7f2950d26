import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authorize } from "../../shared/authorization/authorize.ts";
import { HOUR_MS } from "../../shared/core/clock.ts";
import { issueToken, revokeToken, startSession } from "../../shared/index.ts";
import { createWorld } from "./store.ts";
import { throttled } from "./store-traffic.ts";

const RUNS = Number(process.env.FAULT_HISTORIES ?? 30);

const TOKENS = ["good", "narrow", "expired", "revoked", "unknown", "none"] as const;
const SESSIONS = ["own", "foreign", "expired", "unknown", "none"] as const;
const FAULTS = ["none", "throttle", "server error", "lost answer"] as const;

async function scene(lastUsedIntervalSeconds: number) {
  const world = await createWorld({
    tracking: { lastUsedIntervalSeconds },
    routes: [{ path: "/mcp", scopes: ["mcp:use"], session: "required" }],
  });
  const issue = async (clientId: string, scopes: string[], expiresInSeconds: number) =>
    issueToken(world, { clientId, userId: "ada", scopes, expiresInSeconds });
  const all = ["api:read", "api:write", "mcp:use"];
  const revoked = await issue("app", all, 86_400);
  await revokeToken(world, revoked.token.token_id);
  const session = async (clientId: string, expiresInSeconds: number) =>
    (await startSession(world, { clientId, userId: "ada", scopes: ["mcp:use"], expiresInSeconds }))
      .secret;
  const tokens: Record<(typeof TOKENS)[number], string | undefined> = {
    good: (await issue("app", all, 86_400)).secret,
    narrow: (await issue("app", ["api:read"], 86_400)).secret,
    expired: (await issue("app", all, 60)).secret,
    revoked: revoked.secret,
    unknown: `oam_${"A".repeat(43)}`,
    none: undefined,
  };
  const sessions: Record<(typeof SESSIONS)[number], string | undefined> = {
    own: await session("app", 86_400),
    foreign: await session("other", 86_400),
    expired: await session("app", 60),
    unknown: "A".repeat(43),
    none: undefined,
  };
  world.time.nowMs += HOUR_MS;
  return { world, tokens, sessions };
}

/** Returns the expected outcome when the store works. */
function mayPass(token: string, session: string, method: string, path: string): boolean {
  if (path === "/mcp") return token === "good" && session === "own";
  return token === "good" || (token === "narrow" && method === "GET");
}

describe("store that fails at any moment", () => {
  it.each([0, 60])(
    "never causes a call to be wrongly allowed with an interval of %d s",
    {
      timeout: 600_000,
    },
    async (interval) => {
      const { world, tokens, sessions } = await scene(interval);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...TOKENS),
          fc.constantFrom(...SESSIONS),
          fc.constantFrom("GET", "POST"),
          fc.constantFrom("/api/x", "/mcp"),
          fc.constantFrom(...FAULTS),
          fc.nat(1),
          async (token, session, method, path, fault, at) => {
            world.time.nowMs += 1;
            world.traffic.reset();
            let calls = 0;
            let struck = false;
            world.traffic.fault = () => {
              calls += 1;
              if (fault === "none" || calls !== at + 1) return undefined;
              struck = true;
              if (fault === "throttle") return { error: throttled() };
              return { error: new Error("socket hang up"), afterwards: fault === "lost answer" };
            };
            const deferred: (() => Promise<unknown>)[] = [];
            const secret = tokens[token];
            const decision = await authorize(
              {
                ...world.context,
                // Simulates the authorizer's sink, which accepts events immediately and publishes them later.
                sink: { publish: async () => {} },
                defer: (task) => {
                  deferred.push(task);
                },
              },
              {
                method,
                path,
                authorization: secret === undefined ? [] : [`Bearer ${secret}`],
                sessionSecret: sessions[session],
                ip: "203.0.113.9",
                requestId: "r",
              },
            );
            world.traffic.fault = undefined;
            await Promise.allSettled(deferred.map((task) => task()));

            const right = mayPass(token, session, method, path);
            if (decision.outcome === "allowed") expect(right).toBe(true);
            if (!struck) expect(decision.outcome === "allowed").toBe(right);
            if (decision.outcome === "unavailable") expect(struck).toBe(true);
          },
        ),
        { numRuns: RUNS },
      );
    },
  );
});

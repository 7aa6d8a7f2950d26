import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authorize } from "../../shared/authorization/authorize.ts";
import { StoredDenyList } from "../../shared/authorization/stored-deny-list.ts";
import { HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import type { ActionRequest } from "../../shared/response/action.ts";
import { releaseAction } from "../../shared/response/decide-action.ts";
import { settleActions } from "../../shared/response/settle-actions.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { createWorld } from "./store.ts";
import { throttled } from "./store-traffic.ts";

/**
 * Number of histories. Raise `FAULT_HISTORIES` for a longer search. When a history fails, fast-check prints its seed.
 */
const HISTORIES = Math.ceil(Number(process.env.FAULT_HISTORIES ?? 30) / 3);

const ADMIN = { kind: "administrator", id: "root" } as const;

type Fault = "throttle" | "lost answer" | "kill";

interface Step {
  readonly kind: "revoke" | "block" | "release";
  readonly user: number;
  /** The store read or write that fails. Undefined means no error. */
  readonly fault?: { readonly at: number; readonly kind: Fault } | undefined;
}

const stepArbitrary: fc.Arbitrary<Step> = fc.record(
  {
    kind: fc.constantFrom("revoke", "block", "release"),
    user: fc.nat(1),
    fault: fc.record({
      at: fc.nat(30),
      kind: fc.constantFrom<Fault>("throttle", "lost answer", "kill"),
    }),
  },
  { requiredKeys: ["kind", "user"] },
);

describe("any history of actions and errors", () => {
  it("allows no call after the action that denies it is confirmed, and completes every retried action", {
    timeout: 1_200_000,
  }, async () => {
    const world = await createWorld();
    const events: string[] = [];
    const context = {
      ...world.context,
      sink: {
        publish: async (batch: readonly { event_type: string; id: string }[]) =>
          void events.push(...batch.map(({ event_type, id }) => `${event_type} ${id}`)),
      },
    };
    let histories = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 1, maxLength: 6 }), async (steps) => {
        histories += 1;
        world.time.nowMs += 10 * MINUTE_MS;
        events.length = 0;
        const users = [0, 1].map((n) => `user-${histories}-${n}`);
        const secrets = await Promise.all(
          users.map(
            async (userId) =>
              (
                await issueToken(context, {
                  clientId: "app",
                  userId,
                  scopes: ["api:read"],
                  expiresInSeconds: 7200,
                })
              ).secret,
          ),
        );
        world.time.nowMs += 1000;
        // One process with a cached deny list, and one that reads the list for the first time at each call.
        const adapter = new StoredDenyList(world.context);
        const isAllowed = async (user: number) => {
          world.traffic.fault = undefined;
          const outcomes = await Promise.all(
            [adapter, new StoredDenyList(world.context)].map(async (denyList) => {
              const { outcome } = await authorize(
                { ...context, denyList, defer: () => {} },
                {
                  method: "GET",
                  path: "/api/data",
                  authorization: [`Bearer ${secrets[user]}`],
                  ip: "203.0.113.9",
                  requestId: "r",
                },
              );
              return outcome === "allowed";
            }),
          );
          expect(outcomes[0]).toBe(outcomes[1]);
          return outcomes[0];
        };
        const strike = (fault: Step["fault"]) => {
          let calls = 0;
          let isDead = false;
          world.traffic.reset();
          world.traffic.fault = () => {
            if (isDead) return { error: new Error("killed") };
            calls += 1;
            if (!fault || calls !== fault.at + 1) return undefined;
            if (fault.kind === "throttle") return { error: throttled() };
            if (fault.kind === "kill") isDead = true;
            return { error: new Error("socket hang up"), afterwards: true };
          };
        };
        await isAllowed(0);
        const revoked = new Set<number>();
        const blocks = [new Set<string>(), new Set<string>()];
        for (const [n, { kind, user, fault }] of steps.entries()) {
          world.time.nowMs += 1000;
          const own = blocks[user] as Set<string>;
          if (kind === "release") {
            const [actionId] = own;
            if (actionId === undefined) continue;
            const decision = { actionId, actor: ADMIN, reason: "over" };
            strike(fault);
            await releaseAction(context, decision).catch(() => undefined);
            world.traffic.fault = undefined;
            expect((await releaseAction(context, decision)).state).toBe("released");
            own.delete(actionId);
          } else {
            const request: ActionRequest = {
              kind,
              target: { kind: "user", id: users[user] as string },
              reason: "history",
              actor: ADMIN,
              idempotencyKey: `${histories}-${n}`,
              ...(kind === "block" && { until: toInstant(world.time.nowMs + HOUR_MS) }),
            };
            strike(fault);
            const first = await takeAction(context, request).catch(() => undefined);
            if (first) {
              expect(first.state).toBe("done");
              expect(await isAllowed(user)).toBe(false);
            }
            world.traffic.fault = undefined;
            const retried = await takeAction(context, request);
            expect(retried.state).toBe("done");
            if (kind === "revoke") revoked.add(user);
            else own.add(retried.action_id);
          }
          for (const each of [0, 1]) {
            const held = revoked.has(each) || (blocks[each] as Set<string>).size > 0;
            expect(await isAllowed(each)).toBe(!held);
          }
        }
        await settleActions(context, world.time.nowMs + MINUTE_MS);
        // Each revoked token is counted once despite interruptions and retries.
        const notified = new Set(events.filter((event) => event.startsWith("token_revoked")));
        expect(notified.size).toBe(revoked.size);
      }),
      { numRuns: HISTORIES },
    );
  });
});

import { authorize } from "../../shared/authorization/authorize.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import type { World } from "../integration/world.ts";

/** Creates an authorizer context over the world's tables, and a request with a valid token. */
export async function scene(world: World) {
  const issuer = { ...world.context, clock: systemClock, sink: { publish: async () => {} } };
  const { secret } = await issueToken(issuer, {
    clientId: "3f1c2d9e-8a44-4b8e-9b5d-0d9a6f1f7c11",
    userId: "9b2d4c1a-53a7-4a3e-8a0d-6e2b7f9c1d22",
    scopes: ["api:read", "api:write"],
    expiresInSeconds: 86_400,
  });
  const request = {
    method: "GET",
    path: "/api/customers/42/orders/2026-11",
    authorization: [`Bearer ${secret}`],
    ip: "203.0.113.195",
    userAgent:
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
    requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
  };
  const context = { ...world.context, clock: systemClock };
  return { context, request };
}

/** Makes a call that must be allowed. */
export async function allowed(...call: Parameters<typeof authorize>): Promise<void> {
  const { outcome } = await authorize(...call);
  if (outcome !== "allowed") throw new Error(`the call was not allowed: ${outcome}`);
}

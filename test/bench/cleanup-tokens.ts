import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { digestSecret } from "../../shared/tokens/access-token.ts";
import { expiryAttributes } from "../../shared/tokens/expiry-attributes.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import { fillTable } from "./fill-table.ts";

/** One token in ten has expired. */
export const STORED_PER_EXPIRED = 10;

/** Returns the key of the n-th token. */
export const computeDigest = (n: number) => digestSecret(`token ${n}`);

/** Creates a store whose first `expired` tokens expired within the last hour. The rest are valid for another day. */
export async function createStore(endpoint: string, expired: number): Promise<World> {
  const world = await createWorldAt(endpoint);
  // The authorizer checks callers' tokens against the real time.
  world.time.nowMs = Date.now();
  const { db, tokensTable, config, time } = world;
  await fillTable(db, tokensTable, STORED_PER_EXPIRED * expired, (n) => {
    const expiresMs =
      n < expired
        ? time.nowMs - HOUR_MS + Math.floor((n * HOUR_MS) / expired)
        : time.nowMs + DAY_MS;
    const digest = computeDigest(n);
    return {
      token_digest: digest,
      token_id: `token-${n}`,
      oauth_client_id: "3f1c2d9e-8a44-4b8e-9b5d-0d9a6f1f7c11",
      user_id: "9b2d4c1a-53a7-4a3e-8a0d-6e2b7f9c1d22",
      scopes: ["api:read", "api:write"],
      issued_at: toInstant(expiresMs - HOUR_MS),
      ...expiryAttributes(digest, expiresMs, config),
    };
  });
  return world;
}

import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { enterValues, userOfToken } from "../../shared/audit-log/values-in-use.ts";
import { DAY_MS, HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import { digestSecret } from "../../shared/tokens/access-token.ts";
import { expiryAttributes } from "../../shared/tokens/expiry-attributes.ts";
import type { World } from "../integration/world.ts";
import type { TrafficCall } from "./traffic-calls.ts";

const SCOPES = ["api:read", "api:write"];

/** Returns the secret that a call presents, if any. */
export function secretOf({ standing, token, atMs, ip }: TrafficCall): string | undefined {
  if (standing === "none") return undefined;
  if (!token) return `oam_${digestSecret(`${ip} ${atMs}`).slice(0, 43)}`;
  return `oam_${digestSecret(`${token.tokenId} ${standing}`).slice(0, 43)}`;
}

/** Stores the calls' tokens, each in its state before its first call. */
export async function seedTokens(
  world: Pick<World, "tokensTable" | "config" | "countersTable">,
  db: World["db"],
  calls: readonly TrafficCall[],
): Promise<void> {
  const seeded = new Set<string>();
  for (const call of calls) {
    const secret = secretOf(call);
    const { token, standing, atMs } = call;
    if (!secret || !token || seeded.has(secret)) continue;
    seeded.add(secret);
    const digest = digestSecret(secret);
    const issuedMs = atMs - 10 * HOUR_MS;
    const expiresMs = standing === "expired" ? atMs - HOUR_MS : atMs + DAY_MS;
    await db.send(
      new PutCommand({
        TableName: world.tokensTable,
        Item: {
          token_digest: digest,
          token_id: token.tokenId,
          oauth_client_id: token.clientId,
          user_id: token.userId,
          scopes: standing === "narrow" ? ["profile"] : SCOPES,
          issued_at: toInstant(issuedMs),
          listed: true,
          ...expiryAttributes(digest, expiresMs, world.config),
          ...(standing === "revoked" && { revoked_at: toInstant(atMs - HOUR_MS) }),
          ...(token.before && {
            last_used_at: toInstant(atMs - token.before.agoMs),
            last_used_ip: token.before.ip,
          }),
        },
      }),
    );
    // The user of a token that was used before is already registered.
    if (token.before && token.userId !== undefined) {
      const kind = userOfToken(token.tokenId);
      const untilMs = atMs + world.config.retention.defaultDays * DAY_MS;
      await enterValues({ ...world, db }, new Map(), [{ kind, value: token.userId, untilMs }]);
    }
  }
}

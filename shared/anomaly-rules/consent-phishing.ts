import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { DAY_MS, toInstant } from "../time/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { isSensitive } from "./risk.ts";
import type { SeenEvent } from "./seen-event.ts";

/** An operator's clients are young only once: before this, none is new. */
const WATCHED_DAYS = 3;

/** The share of the uses that come from the network with the most. */
function concentration(uses: readonly SeenEvent[]): number {
  const counts = new Map<string, number>();
  for (const { network = "" } of uses) counts.set(network, (counts.get(network) ?? 0) + 1);
  return Math.max(0, ...counts.values()) / Math.max(1, uses.length);
}

/** A new client to which many users give access, which one place then uses. */
export const consentPhishing: AnomalyRule<AnomaliesConfig["rules"]["consent_phishing"]> = {
  name: "consent_phishing",
  catches: "a new client that talks many users into giving it access",
  falsePositives: "the launch of a partner's service that calls from its own servers",
  advice:
    "Find out who registered the client and where its redirect URIs lead. If nobody vouches for it, disable it and revoke its tokens.",
  examples: "all",
  find: ({ clients, firstSeenMs, nowMs }, { users: threshold, days }) => {
    const watchedMs = nowMs - Math.min(Number.POSITIVE_INFINITY, ...firstSeenMs.values());
    if (watchedMs < WATCHED_DAYS * DAY_MS) return [];
    return [...clients].flatMap(([clientId, events]) => {
      const firstMs = firstSeenMs.get(clientId) ?? nowMs;
      // A client that was there when the watch began is not new.
      const isNew = nowMs - firstMs < days * DAY_MS && nowMs - watchedMs < firstMs - DAY_MS;
      const given = events.filter(
        ({ type, userId }) =>
          userId !== undefined && (type === "token_issued" || type === "consent_granted"),
      );
      const users = new Set(given.map(({ userId }) => userId));
      const uses = events.filter(
        ({ type, userId }) => type === "token_used" && userId !== undefined,
      );
      if (!isNew || users.size < threshold) return [];
      const scopes = new Set(given.flatMap((each) => each.scopes));
      const sensitive = [...scopes].filter(isSensitive);
      const isOnePlace = uses.length >= users.size / 2 && concentration(uses) >= 0.8;
      const consented = given.filter(({ type }) => type === "consent_granted").length;
      const [use] = uses;
      return [
        {
          subject: { kind: "client", id: clientId } as const,
          involved: isOnePlace && use?.ip ? [{ kind: "ip", id: use.ip } as const] : [],
          message: `${users.size} users gave access to ${clientId}, which is ${Math.ceil((nowMs - firstMs) / DAY_MS)} days old${isOnePlace ? `; their tokens are all used from ${use?.network}` : ""}`,
          score:
            (consented >= threshold / 2 ? 30 : 15) +
            (isOnePlace ? 35 : 0) +
            (sensitive.length > 0 ? 15 : 0),
          observed: users.size,
          threshold,
          windowStart: toInstant(nowMs - DAY_MS),
          windowEnd: toInstant(nowMs),
          evidence: {
            first_seen_at: toInstant(firstMs),
            sensitive_scopes: sensitive.slice(0, 10),
            consents: consented,
          },
        },
      ];
    });
  },
};

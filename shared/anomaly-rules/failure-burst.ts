import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { NO_CLIENT } from "../envelope/oauth-event.ts";
import { MINUTE_MS, toInstant } from "../time/clock.ts";
import type { Anomaly, AnomalyRule, AnomalySubject } from "./anomaly-rule.ts";
import { countWithin, type SubjectCount, splitValue } from "./detection-snapshot.ts";

/** Counts by subject within a window, and each client's part of them. */
function tally(
  counts: readonly SubjectCount[],
  fromMs: number,
  toMs: number,
  idOf: (count: SubjectCount) => string,
) {
  const totals = new Map<string, { count: number; clients: Map<string, number> }>();
  for (const each of counts) {
    const count = countWithin(each, fromMs, toMs);
    if (count === 0) continue;
    const id = idOf(each);
    const total = totals.get(id) ?? { count: 0, clients: new Map() };
    total.count += count;
    total.clients.set(each.clientId, (total.clients.get(each.clientId) ?? 0) + count);
    totals.set(id, total);
  }
  return totals;
}

/** Many failures within minutes from one address, by one client, or with one token. */
export const failureBurst: AnomalyRule<AnomaliesConfig["rules"]["failure_burst"]> = {
  name: "failure_burst",
  catches: "token guessing from one address, scope probing with one token, a broken client",
  falsePositives:
    "a client that keeps using an expired or revoked token; many users of a company behind one address",
  advice: "Block the address, or revoke the token and ask the client's owner.",
  examples: "failures",
  find: (snapshot, { windowMinutes, perIp, perClient, perToken }) => {
    const toMs = snapshot.nowMs;
    const fromMs = toMs - windowMinutes * MINUTE_MS;
    const bursts = (
      kind: AnomalySubject["kind"],
      counts: readonly SubjectCount[],
      threshold: number,
      idOf: (count: SubjectCount) => string,
    ): Anomaly[] =>
      [...tally(counts, fromMs, toMs, idOf)]
        .filter(([, { count }]) => count >= threshold)
        .map(([id, { count, clients }]) => {
          const [client] = [...clients].sort(([, a], [, b]) => b - a)[0] ?? [];
          return {
            subject: { kind, id },
            ...(kind !== "client" && client !== NO_CLIENT && { clientId: client }),
            message: `${count} failed calls within ${windowMinutes} minutes ${kind === "ip" ? `from ${id}` : `by ${kind} ${id}`}`,
            observed: count,
            threshold,
            windowStart: toInstant(fromMs),
            windowEnd: toInstant(toMs),
            evidence: { failures_by_client: Object.fromEntries(clients) },
          };
        });
    return [
      ...bursts("ip", snapshot.failedIps, perIp, ({ value }) => value),
      ...bursts(
        "client",
        snapshot.failuresByClient.filter(({ clientId }) => clientId !== NO_CLIENT),
        perClient,
        ({ clientId }) => clientId,
      ),
      ...bursts("token", snapshot.failedTokens, perToken, ({ value }) => splitValue(value)[1]),
    ];
  },
};

import { parseMonitoringConfig } from "../shared/config/monitoring-config.ts";
import { MINUTE_MS } from "../shared/core/clock.ts";
import type { DetectionSnapshot } from "../shared/detection/rules/detection-snapshot.ts";
import { findAnomalies } from "../shared/detection/rules/find-anomalies.ts";
import type { SeenEvent } from "../shared/detection/rules/seen-event.ts";
import { quietSnapshot } from "./quiet-snapshot.ts";

/** The rules with their default parameters. */
export const { rules } = parseMonitoringConfig({}).anomalies;

/** Returns a function that creates events for user ada before an instant (epoch milliseconds). */
export const eventsBefore =
  (nowMs: number) =>
  /** Creates a use of token t1 the given number of minutes earlier. `parts` overrides its fields. */
  (minutesAgo: number, ...parts: readonly Partial<SeenEvent>[]): SeenEvent =>
    Object.assign(
      {
        atMs: nowMs - minutesAgo * MINUTE_MS,
        type: "token_used",
        clientId: "app",
        userId: "ada",
        tokenId: "t1",
        endpoint: "/api/orders",
        scopes: [],
      },
      ...parts,
    );

/** Creates thirty uses of earlier tokens over six days before an instant. */
export const usesBefore = (nowMs: number, where: Partial<SeenEvent>): SeenEvent[] =>
  Array.from({ length: 30 }, (_, n) =>
    eventsBefore(nowMs)((6 - n / 5) * 24 * 60 + (n % 5) * 10, where, {
      tokenId: `old-${Math.floor(n / 5)}`,
    }),
  );

/** Returns the part of a snapshot with the events of user ada. */
export const ofAda = (...events: readonly SeenEvent[]) => ({
  principals: new Map([["user:ada", events]]),
});

/** Returns an IPv4 address with its network and a user agent. */
export function location(ip: string, agent: string) {
  const [a, b] = ip.split(".");
  return { ip, network: `${a}.${b}.0.0/16`, agent };
}

/** Returns what the rules find at an instant. Each finding includes the rule's name. */
export const findAt = (nowMs: number) => (parts: Partial<DetectionSnapshot>) =>
  findAnomalies(quietSnapshot(nowMs, parts), rules).map(({ rule, ...anomaly }) => ({
    rule: rule.name,
    ...anomaly,
  }));

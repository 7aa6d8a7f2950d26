import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS } from "../../core/clock.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { isElsewhere } from "./location-novelty.ts";
import { hasNewAgent, summariseHabits } from "./party.ts";
import { unusualHours } from "./usual-range.ts";

/** Tokens count as hoarded if the number of uses per token falls below this share of the usual number. */
const HOARDED = 0.4;

/** Minimum uses per token for a fleet of machines that each request one token. */
const FLEET = 0.8;

const ISSUANCE_POINTS = {
  base: 20, // far more tokens than usual, which alone is low risk
  hoarded: 30, // the tokens are used far less than usual
  unknownUses: 25, // uses have never been recorded, so only the number of tokens is known
  elsewhere: 35, // many are requested from a network or program that is new to the client
};

const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);

/** Detects a client that requests far more tokens than usual. */
export const issuanceRate: AnomalyRule<AnomaliesConfig["rules"]["issuance_rate"]> = {
  name: "issuance_rate",
  catches:
    "a runaway or abused client: far more tokens issued in an hour than in similar hours, used less than usual or requested from elsewhere",
  falsePositives: "a deployment that repeatedly drops all cached tokens",
  advice:
    "Ask the client's owner. If there is no explanation, rotate the client's secret and revoke its tokens.",
  examples: "all",
  find: ({ issuance, uses, clients, historyStartMs, nowMs }, parameters) =>
    unusualHours(issuance, historyStartMs, nowMs, parameters, "tokens issued").map((anomaly) => {
      const { id } = anomaly.subject;
      const clientUses = uses.find(({ clientId }) => clientId === id);
      const issued = issuance.find(({ clientId }) => clientId === id);
      const usual =
        sum(clientUses?.hours.values() ?? []) / Math.max(1, sum(issued?.hours.values() ?? []));
      const now = (clientUses?.lastHour ?? 0) / anomaly.observed;
      const issues = (clients.get(id) ?? []).filter(({ type }) => type === "token_issued");
      const fromMs = nowMs - HOUR_MS;
      const before = summariseHabits(issues.filter(({ atMs }) => atMs < fromMs));
      const recent = issues.filter(({ atMs }) => atMs >= fromMs);
      const users = new Set(
        recent.map(({ userId }) => userId).filter((user) => user !== undefined),
      );
      // In launches, batches and load tests, the client uses the requested tokens, or many users sign in once each. A
      // leak or a loop does neither.
      const isHoarded = now < usual * HOARDED && users.size <= recent.length / 2;
      const strange = recent.filter(
        (event) =>
          event.userId === undefined &&
          before.events > 0 &&
          (isElsewhere(before, event) || hasNewAgent(before, event)),
      );
      const areElsewhere = strange.length > recent.length / 4;
      const isNewProgram = strange.some((event) => hasNewAgent(before, event));
      // Build and batch jobs run on separate machines, and each machine requests a token and uses it.
      const machines = new Set(recent.map(({ ip }) => ip)).size;
      const isFleet = !isNewProgram && machines > recent.length / 2 && now >= FLEET;
      return {
        ...anomaly,
        message: `${anomaly.message}. Each token was used ${now.toFixed(1)} times; the usual number is ${usual.toFixed(1)}${areElsewhere ? "; many were requested from a network or program that is new to the client" : ""}`,
        score: isFleet
          ? ISSUANCE_POINTS.base
          : ISSUANCE_POINTS.base +
            (isHoarded ? ISSUANCE_POINTS.hoarded : usual === 0 ? ISSUANCE_POINTS.unknownUses : 0) +
            (areElsewhere ? ISSUANCE_POINTS.elsewhere : 0),
        evidence: {
          ...anomaly.evidence,
          uses_a_token: Number(now.toFixed(2)),
          usual_uses_a_token: Number(usual.toFixed(2)),
          from_other_locations: strange.length,
          addresses: machines,
        },
      };
    }),
};

import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import { HOUR_MS } from "../time/clock.ts";
import type { Anomaly, AnomalyRule } from "./anomaly-rule.ts";
import { countWithin, type DetectionSnapshot } from "./detection-snapshot.ts";
import { othersAt } from "./failure-burst.ts";
import { unusualHours } from "./unusual-hours.ts";

/** So many addresses are a spread. */
const SPREAD = 10;

function judge(anomaly: Anomaly, snapshot: DetectionSnapshot): Anomaly[] {
  const { guessedIps, addresses, nowMs } = snapshot;
  const counts = guessedIps
    .filter(({ clientId }) => clientId === anomaly.subject.id)
    .map((each) => ({ ip: each.value, count: countWithin(each, nowMs - HOUR_MS, nowMs) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  const looked = counts.flatMap(({ ip }) => {
    const events = addresses.get(ip);
    return events ? [othersAt(events)] : [];
  });
  // Where most are let in at the same addresses, holders of tokens have a problem, and nobody guesses.
  const known = looked.filter(({ holders }) => holders > 0).length;
  const isHoldersOwn = looked.length >= 3 && known > looked.length / 2;
  const isSpread = counts.length >= SPREAD;
  const perAddress = counts.length === 0 ? 0 : anomaly.observed / counts.length;
  return [
    {
      ...anomaly,
      score: isHoldersOwn ? 30 : isSpread ? 80 : 55,
      involved: counts.slice(0, 20).map(({ ip: id }) => ({ kind: "ip", id }) as const),
      message: `${anomaly.message}; they came from ${counts.length} addresses`,
      evidence: {
        ...anomaly.evidence,
        addresses: counts.length,
        guesses_an_address: Number(perAddress.toFixed(1)),
        most: counts.slice(0, 5),
      },
    },
  ];
}

/** A client, or callers without one, at which far more is guessed than usual, from any number of addresses. */
export const failureRate: AnomalyRule<AnomaliesConfig["rules"]["failure_rate"]> = {
  name: "failure_rate",
  catches: "guessing from many addresses, a few times each",
  falsePositives: "a release with a wrong token or secret in it",
  advice:
    "Look at that hour's failures by address and endpoint; consider a rate rule of AWS WAF, and a challenge at sign-in.",
  examples: "failures",
  find: (snapshot, parameters) =>
    unusualHours(
      snapshot.guesses,
      snapshot.historyStartMs,
      snapshot.nowMs,
      parameters,
      "guesses",
    ).flatMap((anomaly) => judge(anomaly, snapshot)),
};

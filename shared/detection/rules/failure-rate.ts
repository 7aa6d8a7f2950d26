import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { isGuess } from "../../events/guess-reasons.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import type { Anomaly, AnomalyRule, AnomalySubject } from "./anomaly-rule.ts";
import { countWithin, type DetectionSnapshot } from "./detection-snapshot.ts";
import { isSharedAddress, othersAt } from "./failure-burst.ts";
import { guessesByNetwork } from "./network-guessing.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";
import { unusualHours } from "./unusual-hours.ts";

/** Maximum addresses linked to an incident. */
const MOST_ADDRESSES = 100;
/** Minimum number of addresses for credential guesses to count as distributed. */
const SPREAD = 10;
/** Minimum share of the guesses that must come from one address or network for it to explain the anomaly. */
const OF_ONE = 0.7;
/** Minimum time that a service must have used an address before the address counts as the service's own. */
const OWN_SINCE_MS = 30 * MINUTE_MS;

const RATE_SCORES = {
  distributed: 80, // guesses from many addresses, a few from each
  few: 55, // guesses from few addresses
  explained: 30, // the principals' own addresses, a shared address or a service with an old secret: low risk
};

/**
 * Whether the client, without a user, was allowed from an address well before the first credential guess from there.
 */
function isOwnAddress(events: readonly SeenEvent[], clientId: string): boolean {
  const first = events.find(({ reason }) => isGuess(reason));
  return events.some(
    (event) =>
      isSuccess(event) &&
      event.clientId === clientId &&
      event.userId === undefined &&
      event.atMs <= (first?.atMs ?? 0) - OWN_SINCE_MS,
  );
}

function judge(anomaly: Anomaly, snapshot: DetectionSnapshot): Anomaly[] {
  const { guessedIps, addresses, sinceMs, nowMs } = snapshot;
  const ofClient = guessedIps.filter(({ clientId }) => clientId === anomaly.subject.id);
  const counts = ofClient
    .map((each) => ({ ip: each.value, count: countWithin(each, nowMs - HOUR_MS, nowMs) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  // The guesses have stopped, so the addresses are no longer candidates. Earlier runs have already reported them.
  if (ofClient.length > 0 && !ofClient.some((each) => countWithin(each, sinceMs, nowMs) > 0)) {
    return [];
  }
  const looked = counts.flatMap(({ ip }) => {
    const events = addresses.get(ip);
    return events ? [othersAt(events)] : [];
  });
  // If principals are also allowed from most of these addresses, legitimate callers are failing, and this isn't an
  // attack.
  const known = looked.filter(({ holders }) => holders > 0).length;
  const isHoldersOwn = looked.length >= 3 && known > looked.length / 2;
  // A service with an old secret fails from its usual address, and a carrier's address always has some failures.
  const explained = counts.filter(({ ip }) => {
    const events = addresses.get(ip) ?? [];
    return isSharedAddress(events) || isOwnAddress(events, anomaly.subject.id);
  });
  const explainedGuesses = explained.reduce((sum, { count }) => sum + count, 0);
  const isExplained = explainedGuesses >= OF_ONE * anomaly.observed;
  const isSpread = counts.length >= SPREAD;
  const perAddress = counts.length === 0 ? 0 : anomaly.observed / counts.length;
  // If most guesses come from one address, the anomaly belongs to the incident about that address.
  const [first] = counts;
  const isOfOne = first !== undefined && first.count >= OF_ONE * anomaly.observed;
  const [network] = guessesByNetwork(ofClient, nowMs);
  const isOfNetwork = network !== undefined && network.total >= OF_ONE * anomaly.observed;
  const subject: AnomalySubject | undefined = isOfOne
    ? { kind: "ip", id: first.ip }
    : isOfNetwork
      ? { kind: "network", id: network.network }
      : undefined;
  const isOfClient = !subject && anomaly.subject.id !== NO_CLIENT;
  const storyOf = isOfNetwork
    ? network.addresses
    : counts.map(({ ip, count }) => [ip, count] as const);
  return [
    {
      ...anomaly,
      ...(subject && {
        subject,
        ...(anomaly.subject.id !== NO_CLIENT && { clientId: anomaly.subject.id }),
      }),
      // Callers without a client can be anyone, so their addresses tell incidents apart.
      involved: (isOfOne || isOfClient ? [] : storyOf)
        .slice(0, MOST_ADDRESSES)
        .map(([id]) => ({ kind: "ip", id }) as const),
      score:
        RATE_SCORES[
          isHoldersOwn || isExplained ? "explained" : isSpread && !isOfOne ? "distributed" : "few"
        ],
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

/**
 * Detects far more credential guesses than usual at a client, or by callers without a client, from any number of
 * addresses.
 */
export const failureRate: AnomalyRule<AnomaliesConfig["rules"]["failure_rate"]> = {
  name: "failure_rate",
  catches: "credential guesses from many addresses, a few from each",
  falsePositives: "a release with a wrong token or secret",
  advice:
    "Check that hour's failures by address and endpoint. Consider an AWS WAF rate-based rule, and a challenge at sign-in.",
  examples: "failures",
  find: (snapshot, parameters) =>
    unusualHours(
      snapshot.guesses,
      snapshot.historyStartMs,
      snapshot.nowMs,
      parameters,
      "credential guesses",
    ).flatMap((anomaly) => judge(anomaly, snapshot)),
};

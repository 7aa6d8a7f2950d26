import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { isCredentialGuess } from "../../events/event-facts.ts";
import { ipBlockSchema } from "../../events/ip-network.ts";
import { NO_CLIENT } from "../../events/oauth-event.ts";
import {
  type Anomaly,
  type AnomalyRule,
  type AnomalySubject,
  formatWindow,
} from "./anomaly-rule.ts";
import {
  countWithin,
  type DetectionSnapshot,
  type HourCounts,
  type SubjectCount,
} from "./detection-snapshot.ts";
import { formatLocation, getLatestEnrichment, toEnrichmentFacts } from "./location-novelty.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";
import { unusualHours } from "./usual-range.ts";

/** Maximum share of calls from a shared address that may be credential guesses. */
const SHARED_SHARE = 0.2;

/**
 * Returns how many principals were allowed from an address, and the share of calls that are credential guesses. At a
 * carrier or a company, most calls are allowed.
 */
export function summariseAllowed(events: readonly SeenEvent[]): {
  readonly principals: number;
  readonly credentialGuessShare: number;
} {
  const successes = events.filter(isSuccess);
  const credentialGuesses = events.filter(({ reason }) => isCredentialGuess(reason)).length;
  return {
    principals: new Set(successes.map(({ userId, tokenId }) => userId ?? tokenId)).size,
    credentialGuessShare: credentialGuesses / Math.max(1, credentialGuesses + successes.length),
  };
}

/** Whether an address belongs to a carrier or a company, where a few credential guesses are normal. */
export function isSharedAddress(events: readonly SeenEvent[]): boolean {
  const { principals, credentialGuessShare } = summariseAllowed(events);
  return principals >= 3 && credentialGuessShare < SHARED_SHARE;
}

const BURST_SCORES = {
  stranger: 75, // no call from the address was ever allowed
  known: 50, // some principals are also allowed from there
};

/** Detects many credential guesses within minutes from one address. */
export const failureBurst: AnomalyRule<AnomaliesConfig["rules"]["failure_burst"]> = {
  name: "failure_burst",
  catches: "credential guesses (tokens, passwords or client secrets) from one address",
  falsePositives: "a program that keeps trying a deleted token, or a token of another environment",
  advice: "Block the address. If you know the program, give it a valid token.",
  examples: "failures",
  find: ({ credentialGuessesByIp, addresses, nowMs }, { windowMinutes, perIp }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    const totals = new Map<string, { count: number; clients: Map<string, number> }>();
    for (const each of credentialGuessesByIp) {
      const count = countWithin(each, fromMs, nowMs);
      if (count === 0) continue;
      const total = totals.get(each.value) ?? { count: 0, clients: new Map() };
      total.count += count;
      total.clients.set(each.clientId, (total.clients.get(each.clientId) ?? 0) + count);
      totals.set(each.value, total);
    }
    return [...totals].flatMap(([ip, { count, clients }]) => {
      const events = addresses.get(ip) ?? [];
      if (count < perIp || isSharedAddress(events)) return [];
      const enrichment = getLatestEnrichment(events);
      const others = summariseAllowed(events);
      const [client] = [...clients].sort(([, a], [, b]) => b - a)[0] ?? [];
      const isStranger = others.principals === 0;
      return {
        subject: { kind: "ip", id: ip } as const,
        ...(client !== NO_CLIENT && { clientId: client }),
        message: `${count} credential guesses within ${windowMinutes} minutes from ${formatLocation({ ip, enrichment })}; ${isStranger ? "no call from there was ever allowed" : `${others.principals} principals were also allowed from there`}`,
        score: BURST_SCORES[isStranger ? "stranger" : "known"],
        observed: count,
        threshold: perIp,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          credential_guesses_by_client: Object.fromEntries(clients),
          allowed_principals: others.principals,
          ...toEnrichmentFacts(enrichment),
        },
      };
    });
  },
};

/**
 * Prefix lengths that group neighbouring addresses: about as many as one hosting customer rents, or one site's network.
 */
const PREFIX = { ipv4: 24, ipv6: 48 };
/** Share of the guesses from one address or network at which that source explains them. */
const SINGLE_SOURCE_SHARE = 0.7;
/** Maximum addresses linked to an incident. */
const MAX_ADDRESSES = 50;

/**
 * Returns the address block that contains an address and its neighbours, such as `203.0.113.0/24`.
 *
 * @param location an IPv4 address, or the /64 that contains an IPv6 address
 */
export function toNeighbourBlock(location: string): string | undefined {
  const [ip = ""] = location.split("/");
  return ipBlockSchema.safeParse(`${ip}/${ip.includes(":") ? PREFIX.ipv6 : PREFIX.ipv4}`).data;
}

/** Credential guesses in the last hour from the addresses in one network. */
export interface NetworkCredentialGuesses {
  readonly network: string;
  readonly total: number;
  /** Guesses by address, highest count first. */
  readonly addresses: readonly (readonly [ip: string, count: number])[];
  readonly clients: ReadonlyMap<string, number>;
}

/** Returns the last hour's credential guesses by network, highest count first. */
export function countCredentialGuessesByNetwork(
  credentialGuessesByIp: readonly SubjectCount[],
  nowMs: number,
): NetworkCredentialGuesses[] {
  const networks = new Map<string, { ips: Map<string, number>; clients: Map<string, number> }>();
  for (const each of credentialGuessesByIp) {
    const count = countWithin(each, nowMs - HOUR_MS, nowMs);
    const network = count === 0 ? undefined : toNeighbourBlock(each.value);
    if (network === undefined) continue;
    const counted = networks.get(network) ?? { ips: new Map(), clients: new Map() };
    networks.set(network, counted);
    counted.ips.set(each.value, (counted.ips.get(each.value) ?? 0) + count);
    counted.clients.set(each.clientId, (counted.clients.get(each.clientId) ?? 0) + count);
  }
  return [...networks]
    .map(([network, { ips, clients }]) => ({
      network,
      total: [...ips.values()].reduce((sum, count) => sum + count, 0),
      addresses: [...ips].sort(([, a], [, b]) => b - a),
      clients,
    }))
    .sort((a, b) => b.total - a.total);
}

const NETWORK_SCORES = {
  stranger: 75, // no call from these addresses was ever allowed
  known: 50, // some principals are also allowed from there
};

/** Detects credential guesses that are spread across the addresses of one network, with only a few from each. */
export const networkGuessing: AnomalyRule<AnomaliesConfig["rules"]["network_guessing"]> = {
  name: "network_guessing",
  catches: "credential guesses from many addresses of one network, a few from each",
  falsePositives: "a fleet in one data centre with a deleted token",
  advice: "Block the network, unless it belongs to a carrier or to you. Find out who rents it.",
  examples: "failures",
  find: (
    { credentialGuessesByIp, addresses: examined, nowMs },
    { credentialGuesses, addresses: minAddresses },
  ) =>
    countCredentialGuessesByNetwork(credentialGuessesByIp, nowMs).flatMap((each): Anomaly | [] => {
      const { network, total, addresses, clients } = each;
      const [first] = addresses;
      if (total < credentialGuesses || addresses.length < minAddresses || !first) return [];
      if (first[1] >= SINGLE_SOURCE_SHARE * total) return [];
      const others = addresses.flatMap(([ip]) => {
        const events = examined.get(ip);
        return events ? [summariseAllowed(events)] : [];
      });
      // If principals are also allowed from these addresses, the network belongs to a carrier or an office.
      const shared = others.filter(({ principals }) => principals > 0).length;
      if (others.length > 0 && shared > others.length / 2) return [];
      const enrichment = getLatestEnrichment(addresses.flatMap(([ip]) => examined.get(ip) ?? []));
      const [client] = [...clients].sort(([, a], [, b]) => b - a)[0] ?? [];
      return {
        subject: { kind: "network", id: network },
        ...(client !== NO_CLIENT && { clientId: client }),
        involved: addresses.slice(0, MAX_ADDRESSES).map(([id]) => ({ kind: "ip", id }) as const),
        message: `${total} credential guesses within an hour from ${addresses.length} addresses of ${formatLocation({ network, enrichment })}, at most ${first[1]} from one; the usual number is 0`,
        score: NETWORK_SCORES[shared === 0 ? "stranger" : "known"],
        observed: total,
        threshold: credentialGuesses,
        ...formatWindow(nowMs - HOUR_MS, nowMs),
        evidence: {
          addresses: addresses.length,
          most: addresses.slice(0, 5).map(([ip, count]) => ({ ip, count })),
          credential_guesses_by_client: Object.fromEntries([...clients].slice(0, 20)),
          addresses_where_others_were_allowed: shared,
          ...toEnrichmentFacts(enrichment),
        },
      };
    }),
};

/** Maximum addresses linked to an incident about a client. */
const MAX_CLIENT_ADDRESSES = 100;
/** Minimum number of addresses for credential guesses to count as distributed. */
const MIN_DISTRIBUTED_ADDRESSES = 10;
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
  const first = events.find(({ reason }) => isCredentialGuess(reason));
  return events.some(
    (event) =>
      isSuccess(event) &&
      event.clientId === clientId &&
      event.userId === undefined &&
      event.atMs <= (first?.atMs ?? 0) - OWN_SINCE_MS,
  );
}

function judgeRate(anomaly: Anomaly, snapshot: DetectionSnapshot): Anomaly | [] {
  const { credentialGuessesByIp, addresses, sinceMs, nowMs } = snapshot;
  const clientGuesses = credentialGuessesByIp.filter(
    ({ clientId }) => clientId === anomaly.subject.id,
  );
  const counts = clientGuesses
    .map((each) => ({ ip: each.value, count: countWithin(each, nowMs - HOUR_MS, nowMs) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  // The guesses have stopped, so the addresses are no longer candidates. Earlier runs have already reported them.
  if (
    clientGuesses.length > 0 &&
    !clientGuesses.some((each) => countWithin(each, sinceMs, nowMs) > 0)
  ) {
    return [];
  }
  const allowedAt = counts.flatMap(({ ip }) => {
    const events = addresses.get(ip);
    return events ? [summariseAllowed(events)] : [];
  });
  // If principals are also allowed from most of these addresses, legitimate callers are failing, and this isn't an
  // attack.
  const known = allowedAt.filter(({ principals }) => principals > 0).length;
  const isOwnFailure = allowedAt.length >= 3 && known > allowedAt.length / 2;
  // A service with an old secret fails from its usual address, and a carrier's address always has some failures.
  const explained = counts.filter(({ ip }) => {
    const events = addresses.get(ip) ?? [];
    return isSharedAddress(events) || isOwnAddress(events, anomaly.subject.id);
  });
  const explainedCredentialGuesses = explained.reduce((sum, { count }) => sum + count, 0);
  const isExplained = explainedCredentialGuesses >= SINGLE_SOURCE_SHARE * anomaly.observed;
  const isDistributed = counts.length >= MIN_DISTRIBUTED_ADDRESSES;
  const perAddress = counts.length === 0 ? 0 : anomaly.observed / counts.length;
  // If most guesses come from one address, the anomaly belongs to the incident about that address.
  const [first] = counts;
  const isFromOneAddress =
    first !== undefined && first.count >= SINGLE_SOURCE_SHARE * anomaly.observed;
  const [network] = countCredentialGuessesByNetwork(clientGuesses, nowMs);
  const isFromOneNetwork =
    network !== undefined && network.total >= SINGLE_SOURCE_SHARE * anomaly.observed;
  const subject: AnomalySubject | undefined = isFromOneAddress
    ? { kind: "ip", id: first.ip }
    : isFromOneNetwork
      ? { kind: "network", id: network.network }
      : undefined;
  const isAboutClient = !subject && anomaly.subject.id !== NO_CLIENT;
  const sources = isFromOneNetwork
    ? network.addresses
    : counts.map(({ ip, count }) => [ip, count] as const);
  return {
    ...anomaly,
    ...(subject && {
      subject,
      ...(anomaly.subject.id !== NO_CLIENT && { clientId: anomaly.subject.id }),
    }),
    // Callers without a client can be anyone, so their addresses distinguish incidents.
    involved: (isFromOneAddress || isAboutClient ? [] : sources)
      .slice(0, MAX_CLIENT_ADDRESSES)
      .map(([id]) => ({ kind: "ip", id }) as const),
    score:
      RATE_SCORES[
        isOwnFailure || isExplained
          ? "explained"
          : isDistributed && !isFromOneAddress
            ? "distributed"
            : "few"
      ],
    message: `${anomaly.message}; they came from ${counts.length} addresses`,
    evidence: {
      ...anomaly.evidence,
      addresses: counts.length,
      credential_guesses_per_address: Number(perAddress.toFixed(1)),
      most: counts.slice(0, 5),
    },
  };
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
      snapshot.credentialGuesses,
      snapshot.historyStartMs,
      snapshot.nowMs,
      parameters,
      "credential guesses",
    ).flatMap((anomaly) => judgeRate(anomaly, snapshot)),
};

/** Maximum variation between a timer's intervals, relative to their mean. */
const TIMER_VARIATION = 0.15;

const PERSISTENT_SCORES = {
  stranger: 70, // no call from the address was ever allowed
  known: 45, // one or two principals are also allowed from there
  shared: 30, // more principals are
  timer: -25, // points for regular intervals, as from a job with a dead token
};

/** Whether guesses come at regular intervals at one endpoint, as from a scheduled job with a dead token. */
function isTimer(events: readonly SeenEvent[]): boolean {
  const credentialGuesses = events.filter(({ reason }) => isCredentialGuess(reason));
  if (
    credentialGuesses.length < 6 ||
    new Set(credentialGuesses.map(({ endpoint }) => endpoint)).size > 1
  )
    return false;
  const gaps = credentialGuesses
    .slice(1)
    .map(({ atMs }, n) => atMs - (credentialGuesses[n]?.atMs ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  return Math.sqrt(variance) < TIMER_VARIATION * mean;
}

/** Whether the address failed as often a day earlier, which means that these failures are normal. */
function failedAsOftenYesterday(counts: HourCounts, span: readonly number[]): boolean {
  const sum = (hours: readonly number[]) =>
    hours.reduce((total, hour) => total + (counts.get(hour) ?? 0), 0);
  return sum(span.map((hour) => hour - DAY_MS + 4 * HOUR_MS)) >= sum(span) / 2;
}

/** Detects an address that guesses credentials hour after hour, but too slowly to count as a burst. */
export const persistentFailures: AnomalyRule<AnomaliesConfig["rules"]["persistent_failures"]> = {
  name: "persistent_failures",
  catches: "slow credential guesses from one address, below rate limits",
  falsePositives: "a program with a dead token that calls at irregular times",
  advice: "Find out who uses the address. Block it if the user is unknown.",
  examples: "failures",
  find: ({ credentialGuessHoursByIp, addresses, nowMs }, { hours, perHour }) => {
    const lastWhole = Math.floor(nowMs / HOUR_MS) * HOUR_MS - HOUR_MS;
    const span = Array.from({ length: hours }, (_, back) => lastWhole - back * HOUR_MS);
    return [...credentialGuessHoursByIp].flatMap(([ip, counts]) => {
      const each = span.map((hour) => counts.get(hour) ?? 0);
      const events = addresses.get(ip) ?? [];
      if (each.some((count) => count < perHour) || failedAsOftenYesterday(counts, span)) return [];
      const { principals } = summariseAllowed(events);
      const enrichment = getLatestEnrichment(events);
      const total = each.reduce((sum, count) => sum + count, 0);
      return {
        subject: { kind: "ip", id: ip } as const,
        message: `At least ${Math.min(...each)} credential guesses in each of the last ${hours} hours from ${formatLocation({ ip, enrichment })}; a day earlier there were fewer than half as many`,
        score:
          principals > 2
            ? PERSISTENT_SCORES.shared
            : PERSISTENT_SCORES[principals > 0 ? "known" : "stranger"] +
              (isTimer(events) ? PERSISTENT_SCORES.timer : 0),
        observed: total,
        threshold: hours * perHour,
        ...formatWindow(lastWhole - (hours - 1) * HOUR_MS, lastWhole + HOUR_MS),
        evidence: {
          credential_guesses_by_hour: each.reverse(),
          allowed_principals: principals,
          ...toEnrichmentFacts(enrichment),
        },
      };
    });
  },
};

/** Denial reasons for tokens that were once valid. */
const DEAD: ReadonlySet<string> = new Set(["expired_token", "revoked_token", "inactive_token"]);

/** Maximum share of the denied principals that may also have been allowed from the address. */
const KNOWN_SHARE = 0.3;

/** High risk: a list of tokens from many principals can only come from a leak. */
const DEAD_TOKENS_SCORE = 80;

const getPrincipal = ({ userId, tokenId }: SeenEvent) => userId ?? tokenId;

function principals(events: readonly SeenEvent[]): Set<string> {
  return new Set(events.map(getPrincipal).filter((principal) => principal !== undefined));
}

/** Detects dead tokens from many principals at an address that most of those principals have never used. */
export const deadTokens: AnomalyRule<AnomaliesConfig["rules"]["dead_tokens"]> = {
  name: "dead_tokens",
  catches: "an attacker who tries a list of stolen tokens, most of them expired or revoked",
  falsePositives: "an office or a carrier that moves its users to a new address during an outage",
  advice:
    "Block the address. The tokens leaked together: find the source of the leak, and end the sessions of their users.",
  examples: "failures",
  find: ({ addresses, nowMs }, { principals: threshold }) =>
    [...addresses].flatMap(([ip, events]) => {
      const dead = events.filter(
        ({ atMs, reason }) => atMs >= nowMs - HOUR_MS && DEAD.has(reason ?? ""),
      );
      const failed = principals(dead);
      const admitted = principals(events.filter(isSuccess));
      const known = [...failed].filter((principal) => admitted.has(principal)).length;
      const isShared = admitted.size > failed.size / 2;
      if (failed.size < threshold || known > KNOWN_SHARE * failed.size || isShared) return [];
      return {
        subject: { kind: "ip", id: ip } as const,
        clientId: dead[0]?.clientId,
        involved: dead.flatMap(({ tokenId: id }) =>
          id === undefined ? [] : [{ kind: "token", id } as const],
        ),
        message: `${formatLocation({ ip, enrichment: getLatestEnrichment(events) })} presented expired, revoked or inactive tokens of ${failed.size} principals within an hour; only ${known} of these principals were ever allowed from there`,
        score: DEAD_TOKENS_SCORE,
        observed: failed.size,
        threshold,
        ...formatWindow(nowMs - HOUR_MS, nowMs),
        evidence: {
          principals: [...failed].slice(0, 10),
          allowed_principals: admitted.size,
          ...toEnrichmentFacts(getLatestEnrichment(events)),
        },
      };
    }),
};

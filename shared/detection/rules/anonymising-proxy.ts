import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { isCredentialGuess } from "../../events/event-facts.ts";
import type { NetworkType } from "../../events/ip-enrichment.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import { describeNovelty, formatLocation, toEnrichmentEvidence } from "./location-novelty.ts";
import { type Habits, hasNewAgent, summariseHabits } from "./party.ts";
import { isSuccess, type SeenEvent, toPrincipalSubject } from "./seen-event.ts";

type Parameters = AnomaliesConfig["rules"]["anonymising_proxy"];
type Anonymiser = Exclude<NetworkType, "hosting">;

/** Points for an anonymiser that a principal uses for the first time. VPNs are common, Tor is rare. */
const ANONYMISER_POINTS: Readonly<Record<Anonymiser, number>> = { tor: 45, proxy: 25, vpn: 15 };
const ANONYMISER_SCORES = {
  newAgent: 20, // points if the user agent is also new
  newCountry: 5, // points if the country is also new
  most: 65, // medium risk at most: other findings about the same user can raise it to high
  sharedExit: 75, // many users behind one Tor exit or proxy, all for the first time
  credentialGuesses: 65, // credential guesses through Tor or proxies
  vpnGuesses: 50, // credential guesses through a VPN, which more people share
};
/** Minimum number of uses with IP enrichment, and of days, to know a principal's habits. */
const KNOWN = { events: 5, days: 2 };
/** How far back to look for credential guesses. */
const CREDENTIAL_GUESSES_MS = 2 * HOUR_MS;
/** Maximum addresses listed in an alert about credential guesses. */
const MAX_ADDRESSES = 50;

function getAnonymiser({ enrichment }: SeenEvent): Anonymiser | undefined {
  const type = enrichment?.networkType;
  return type === undefined || type === "hosting" ? undefined : type;
}

/** A principal's first use of an anonymiser. */
interface FirstUse {
  readonly principal: string;
  readonly first: SeenEvent;
  readonly anonymiser: Anonymiser;
  readonly habits: Habits;
  readonly uses: number;
}

function firstUses({ principals, nowMs }: DetectionSnapshot, windowMinutes: number): FirstUse[] {
  const fromMs = nowMs - windowMinutes * MINUTE_MS;
  return [...principals].flatMap(([principal, events]) => {
    const used = events.filter(
      (event) =>
        (event.type === "token_used" || event.type === "session_started") &&
        getAnonymiser(event) !== undefined,
    );
    const [first] = used;
    const anonymiser = first && getAnonymiser(first);
    // If the earliest use is older than the window, the principal has used the anonymiser before.
    if (!first || !anonymiser || first.atMs < fromMs) return [];
    const before = events.filter(
      (event) => event.atMs < first.atMs && event.enrichment !== undefined && isSuccess(event),
    );
    const known = summariseHabits(before);
    if (known.events < KNOWN.events || known.days < KNOWN.days) return [];
    const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
    return [{ principal, first, anonymiser, habits, uses: used.length }];
  });
}

/** Returns the anomaly for a user or token that uses an anonymiser for the first time. */
function forPrincipal(use: FirstUse, nowMs: number, { windowMinutes }: Parameters): Anomaly {
  const { principal, first, anonymiser, habits, uses } = use;
  const subject = toPrincipalSubject(principal);
  const isNewAgent = hasNewAgent(habits, first);
  const { country } = first.enrichment ?? {};
  const isNewCountry = country !== undefined && !habits.countries.has(country);
  return {
    subject,
    clientId: first.clientId,
    involved: [...getSubjects("ip", [first.ip]), ...getSubjects("token", [first.tokenId])],
    message: `${subject.kind} ${subject.id} was active from ${formatLocation(first)} (${first.agent ?? "no user agent"}); none of the ${habits.events} earlier uses came through a VPN, proxy or Tor`,
    score: Math.min(
      ANONYMISER_SCORES.most,
      ANONYMISER_POINTS[anonymiser] +
        (isNewAgent ? ANONYMISER_SCORES.newAgent : 0) +
        (isNewCountry ? ANONYMISER_SCORES.newCountry : 0),
    ),
    observed: uses,
    threshold: 1,
    ...formatWindow(nowMs - windowMinutes * MINUTE_MS, nowMs),
    evidence: {
      is_new_user_agent: isNewAgent,
      novelty: describeNovelty(habits, first),
      ...toEnrichmentEvidence(habits, first),
    },
  };
}

/** Finds Tor exits and proxies that many users come through for the first time. */
function findForUsers(
  uses: readonly FirstUse[],
  nowMs: number,
  { windowMinutes, users: threshold }: Parameters,
): Anomaly[] {
  const exits = new Map<string, FirstUse[]>();
  for (const use of uses) {
    const { ip } = use.first;
    if (ip === undefined || use.anonymiser === "vpn" || !use.principal.startsWith("user:"))
      continue;
    exits.set(ip, [...(exits.get(ip) ?? []), use]);
  }
  return [...exits].flatMap(([ip, of]) => {
    const [use] = of;
    if (!use || of.length < threshold) return [];
    return {
      subject: { kind: "ip", id: ip } as const,
      clientId: use.first.clientId,
      involved: of.map(({ principal }) => toPrincipalSubject(principal)),
      message: `${of.length} users were active from ${formatLocation(use.first)}; none of them had used a VPN, proxy or Tor before`,
      score: ANONYMISER_SCORES.sharedExit,
      observed: of.length,
      threshold,
      ...formatWindow(nowMs - windowMinutes * MINUTE_MS, nowMs),
      evidence: { users: of.slice(0, 10).map(({ principal }) => toPrincipalSubject(principal).id) },
    };
  });
}

/** Exits that are attributed to one attacker. All are of the same kind. */
interface GuessingAddresses {
  readonly anonymiser: Anonymiser;
  readonly exits: { readonly ip: string; readonly credentialGuesses: readonly SeenEvent[] }[];
}

/**
 * Finds credential guesses through anonymisers, including a few guesses from each of many addresses. Exits that also
 * have successful calls are skipped.
 */
function forCredentialGuesses(
  { addresses, nowMs }: DetectionSnapshot,
  { credentialGuesses: threshold }: Parameters,
): Anomaly[] {
  const fromMs = nowMs - CREDENTIAL_GUESSES_MS;
  const found = new Map<string, GuessingAddresses>();
  for (const [ip, events] of addresses) {
    const credentialGuesses = events.filter(
      ({ atMs, reason }) => atMs >= fromMs && isCredentialGuess(reason),
    );
    const [first] = credentialGuesses;
    const anonymiser = first && getAnonymiser(first);
    // If an exit also has successful calls, legitimate users share it.
    if (!anonymiser || events.some(isSuccess)) continue;
    // An attacker rotates through Tor exits and proxies, so their guesses are added up. VPN exits, and exits that reach
    // the threshold alone, are judged individually.
    const isAlone = anonymiser === "vpn" || credentialGuesses.length >= threshold;
    const key = isAlone ? ip : anonymiser;
    const of = found.get(key) ?? { anonymiser, exits: [] };
    of.exits.push({ ip, credentialGuesses });
    found.set(key, of);
  }
  return [...found.values()].flatMap(({ anonymiser, exits }) => {
    const sorted = exits.sort((a, b) => b.credentialGuesses.length - a.credentialGuesses.length);
    const total = sorted.reduce((sum, { credentialGuesses }) => sum + credentialGuesses.length, 0);
    const [busiest] = sorted;
    const [first] = busiest?.credentialGuesses ?? [];
    if (!busiest || !first || total < threshold) return [];
    return {
      subject: { kind: "ip", id: busiest.ip } as const,
      clientId: first.clientId,
      involved: sorted.slice(0, MAX_ADDRESSES).map(({ ip }) => ({ kind: "ip", id: ip }) as const),
      message: `${total} credential guesses within two hours from ${sorted.length === 1 ? formatLocation(first) : `${sorted.length} addresses, such as ${formatLocation(first)}`}; no call from there was allowed`,
      score: ANONYMISER_SCORES[anonymiser === "vpn" ? "vpnGuesses" : "credentialGuesses"],
      observed: total,
      threshold,
      ...formatWindow(fromMs, nowMs),
      evidence: {
        network_type: anonymiser,
        addresses: sorted.length,
        most: sorted
          .slice(0, 5)
          .map(({ ip, credentialGuesses }) => ({ ip, count: credentialGuesses.length })),
      },
    };
  });
}

/** Detects first-time access through a VPN, proxy or Tor, and credential guesses through them. */
export const anonymisingProxy: AnomalyRule<Parameters> = {
  name: "anonymising_proxy",
  catches:
    "a user or token that uses Tor, a proxy or a VPN for the first time; many users behind one exit; credential guesses through exits",
  falsePositives: "a user who tries Tor, or starts using a new computer and a VPN at the same time",
  advice:
    "Ask the user. If it was not them, end their sessions and reset their credentials. Block exits that send only credential guesses.",
  examples: "all",
  find: (snapshot, parameters) => {
    const uses = firstUses(snapshot, parameters.windowMinutes);
    return [
      ...uses.map((use) => forPrincipal(use, snapshot.nowMs, parameters)),
      ...findForUsers(uses, snapshot.nowMs, parameters),
      ...forCredentialGuesses(snapshot, parameters),
    ];
  },
};

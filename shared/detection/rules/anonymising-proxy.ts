import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { isGuess } from "../../events/event-facts.ts";
import type { OriginKind } from "../../events/origin.ts";
import { type Anomaly, type AnomalyRule, subjectsOf, windowOf } from "./anomaly-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import { originEvidence, originNews, placeText } from "./origin-news.ts";
import { type Habits, habitsOf, hasNewAgent } from "./party.ts";
import { holderSubject, isSuccess, type SeenEvent } from "./seen-event.ts";

type Parameters = AnomaliesConfig["rules"]["anonymising_proxy"];
type Anonymiser = Exclude<OriginKind, "hosting">;

/** Points for an anonymiser that a principal uses for the first time. VPNs are common, Tor is rare. */
const ANONYMISER_POINTS: Readonly<Record<Anonymiser, number>> = { tor: 45, proxy: 25, vpn: 15 };
const ANONYMISER_SCORES = {
  newAgent: 20, // points if the user agent is also new
  newCountry: 5, // points if the country is also new
  most: 65, // medium risk at most: other findings about the same user can raise it to high
  sharedExit: 75, // many users behind one Tor exit or proxy, all for the first time
  guesses: 65, // credential guesses through Tor or proxies
  vpnGuesses: 50, // credential guesses through a VPN, which more people share
};
/** Minimum number of uses with IP enrichment, and of days, to know a principal's habits. */
const KNOWN = { events: 5, days: 2 };
/** How far back to look for credential guesses. */
const GUESSES_MS = 2 * HOUR_MS;
/** Maximum addresses listed in an alert about credential guesses. */
const MOST_ADDRESSES = 50;

function anonymiserOf({ origin }: SeenEvent): Anonymiser | undefined {
  const kind = origin?.kind;
  return kind === undefined || kind === "hosting" ? undefined : kind;
}

/** A principal's first use of an anonymiser. */
interface FirstUse {
  readonly holder: string;
  readonly first: SeenEvent;
  readonly anonymiser: Anonymiser;
  readonly habits: Habits;
  readonly uses: number;
}

function firstUses({ holders, nowMs }: DetectionSnapshot, windowMinutes: number): FirstUse[] {
  const fromMs = nowMs - windowMinutes * MINUTE_MS;
  return [...holders].flatMap(([holder, events]) => {
    const used = events.filter(
      (event) =>
        (event.type === "token_used" || event.type === "session_started") &&
        anonymiserOf(event) !== undefined,
    );
    const [first] = used;
    const anonymiser = first && anonymiserOf(first);
    // If the earliest use is older than the window, the principal has used the anonymiser before.
    if (!first || !anonymiser || first.atMs < fromMs) return [];
    const before = events.filter(
      (event) => event.atMs < first.atMs && event.origin !== undefined && isSuccess(event),
    );
    const known = habitsOf(before);
    if (known.events < KNOWN.events || known.days < KNOWN.days) return [];
    const habits = habitsOf(events.filter(({ atMs }) => atMs < first.atMs));
    return [{ holder, first, anonymiser, habits, uses: used.length }];
  });
}

/** Returns the anomaly for a user or token that uses an anonymiser for the first time. */
function ofHolder(use: FirstUse, nowMs: number, { windowMinutes }: Parameters): Anomaly {
  const { holder, first, anonymiser, habits, uses } = use;
  const subject = holderSubject(holder);
  const isNewAgent = hasNewAgent(habits, first);
  const { country } = first.origin ?? {};
  const isNewCountry = country !== undefined && !habits.countries.has(country);
  return {
    subject,
    clientId: first.clientId,
    involved: [...subjectsOf("ip", [first.ip]), ...subjectsOf("token", [first.tokenId])],
    message: `${subject.kind} ${subject.id} was active from ${placeText(first)} (${first.agent ?? "no user agent"}); none of the ${habits.events} earlier uses came through a VPN, proxy or Tor`,
    score: Math.min(
      ANONYMISER_SCORES.most,
      ANONYMISER_POINTS[anonymiser] +
        (isNewAgent ? ANONYMISER_SCORES.newAgent : 0) +
        (isNewCountry ? ANONYMISER_SCORES.newCountry : 0),
    ),
    observed: uses,
    threshold: 1,
    ...windowOf(nowMs - windowMinutes * MINUTE_MS, nowMs),
    evidence: {
      is_new_user_agent: isNewAgent,
      news: originNews(habits, first),
      ...originEvidence(habits, first),
    },
  };
}

/** Finds Tor exits and proxies that many users come through for the first time. */
function ofUsers(
  uses: readonly FirstUse[],
  nowMs: number,
  { windowMinutes, users: threshold }: Parameters,
): Anomaly[] {
  const exits = new Map<string, FirstUse[]>();
  for (const use of uses) {
    const { ip } = use.first;
    if (ip === undefined || use.anonymiser === "vpn" || !use.holder.startsWith("user:")) continue;
    exits.set(ip, [...(exits.get(ip) ?? []), use]);
  }
  return [...exits].flatMap(([ip, of]) => {
    const [use] = of;
    if (!use || of.length < threshold) return [];
    return {
      subject: { kind: "ip", id: ip } as const,
      clientId: use.first.clientId,
      involved: of.map(({ holder }) => holderSubject(holder)),
      message: `${of.length} users were active from ${placeText(use.first)}; none of them had used a VPN, proxy or Tor before`,
      score: ANONYMISER_SCORES.sharedExit,
      observed: of.length,
      threshold,
      ...windowOf(nowMs - windowMinutes * MINUTE_MS, nowMs),
      evidence: { users: of.slice(0, 10).map(({ holder }) => holderSubject(holder).id) },
    };
  });
}

/** Exits that are attributed to one attacker. All are of the same kind. */
interface Guessers {
  readonly anonymiser: Anonymiser;
  readonly exits: { readonly ip: string; readonly guesses: readonly SeenEvent[] }[];
}

/**
 * Finds credential guesses through anonymisers, including a few guesses from each of many addresses. Exits that also
 * have successful calls are skipped.
 */
function ofGuesses(
  { addresses, nowMs }: DetectionSnapshot,
  { guesses: threshold }: Parameters,
): Anomaly[] {
  const fromMs = nowMs - GUESSES_MS;
  const found = new Map<string, Guessers>();
  for (const [ip, events] of addresses) {
    const guesses = events.filter(({ atMs, reason }) => atMs >= fromMs && isGuess(reason));
    const [first] = guesses;
    const anonymiser = first && anonymiserOf(first);
    // If an exit also has successful calls, legitimate users share it.
    if (!anonymiser || events.some(isSuccess)) continue;
    // An attacker rotates through Tor exits and proxies, so their guesses are added up. VPN exits, and exits that reach
    // the threshold alone, are judged individually.
    const isAlone = anonymiser === "vpn" || guesses.length >= threshold;
    const key = isAlone ? ip : anonymiser;
    const of = found.get(key) ?? { anonymiser, exits: [] };
    of.exits.push({ ip, guesses });
    found.set(key, of);
  }
  return [...found.values()].flatMap(({ anonymiser, exits }) => {
    const sorted = exits.sort((a, b) => b.guesses.length - a.guesses.length);
    const total = sorted.reduce((sum, { guesses }) => sum + guesses.length, 0);
    const [most] = sorted;
    const [first] = most?.guesses ?? [];
    if (!most || !first || total < threshold) return [];
    return {
      subject: { kind: "ip", id: most.ip } as const,
      clientId: first.clientId,
      involved: sorted.slice(0, MOST_ADDRESSES).map(({ ip }) => ({ kind: "ip", id: ip }) as const),
      message: `${total} credential guesses within two hours from ${sorted.length === 1 ? placeText(first) : `${sorted.length} addresses, such as ${placeText(first)}`}; no call from there was allowed`,
      score: ANONYMISER_SCORES[anonymiser === "vpn" ? "vpnGuesses" : "guesses"],
      observed: total,
      threshold,
      ...windowOf(fromMs, nowMs),
      evidence: {
        kind_of_place: anonymiser,
        addresses: sorted.length,
        most: sorted.slice(0, 5).map(({ ip, guesses }) => ({ ip, count: guesses.length })),
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
      ...uses.map((use) => ofHolder(use, snapshot.nowMs, parameters)),
      ...ofUsers(uses, snapshot.nowMs, parameters),
      ...ofGuesses(snapshot, parameters),
    ];
  },
};

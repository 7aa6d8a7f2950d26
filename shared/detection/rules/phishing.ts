import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../core/clock.ts";
import { getOperator } from "../../events/ip-enrichment.ts";
import { type Anomaly, type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import type { DetectionSnapshot } from "./detection-snapshot.ts";
import {
  formatEnrichment,
  formatLocation,
  formatUsualLocations,
  getNoveltyPoints,
  isElsewhere,
  toEnrichmentEvidence,
} from "./location-novelty.ts";
import { summariseHabits } from "./party.ts";
import { isSensitive, RAISED_FROM } from "./risk.ts";
import { type SeenEvent, toPrincipalSubject } from "./seen-event.ts";
import { unusualHours } from "./usual-range.ts";

const DEVICE_POINTS = {
  base: 45, // a device in a network that the user has never used
  sensitiveScopes: 15, // the token allows more than reading
  busy: 10, // the token is used at once, and often
};
/** Number of uses that makes a new token busy. */
const BUSY_USES = 10;

/**
 * Detects a device-code token that was requested from a network that the user has never used (RFC 8628, section 5.4).
 */
export const devicePhishing: AnomalyRule<AnomaliesConfig["rules"]["device_phishing"]> = {
  name: "device_phishing",
  catches: "a user who is tricked into entering another person's device code",
  falsePositives:
    "a television or a console in another location; a developer who signs in on a server",
  advice:
    "Call the user. If the device is not theirs, revoke the token and end the user's sessions.",
  examples: "all",
  find: ({ principals, nowMs }, { windowMinutes }) => {
    const fromMs = nowMs - windowMinutes * MINUTE_MS;
    return [...principals].flatMap(([principal, events]): Anomaly | [] => {
      const granted = events.filter(
        ({ type, atMs, isDevice }) => type === "token_issued" && isDevice && atMs >= fromMs,
      );
      const strange = granted.filter((token) => {
        const habits = summariseHabits(events.filter((each) => each.atMs < token.atMs));
        return habits.events > 0 && isElsewhere(habits, token);
      });
      const [first] = strange;
      if (!first) return [];
      const habits = summariseHabits(events.filter(({ atMs }) => atMs < first.atMs));
      const subject = toPrincipalSubject(principal);
      const sensitive = first.scopes.filter(isSensitive);
      const busy = events.filter(
        ({ type, tokenId, atMs }) =>
          type === "token_used" && tokenId === first.tokenId && atMs >= first.atMs,
      ).length;
      return {
        subject,
        clientId: first.clientId,
        involved: [...getSubjects("ip", [first.ip]), ...getSubjects("token", [first.tokenId])],
        message: `${subject.id} entered a device code, and its token was fetched from ${formatLocation(first)} (${first.agent ?? "no user agent"}); usual: ${formatUsualLocations(habits)}`,
        score:
          DEVICE_POINTS.base +
          (sensitive.length > 0 ? DEVICE_POINTS.sensitiveScopes : 0) +
          (busy >= BUSY_USES ? DEVICE_POINTS.busy : 0) +
          getNoveltyPoints(habits, first),
        observed: strange.length,
        threshold: 1,
        ...formatWindow(fromMs, nowMs),
        evidence: {
          usual_networks: [...habits.networks].slice(0, 10),
          sensitive_scopes: sensitive.slice(0, 10),
          uses: busy,
          ...toEnrichmentEvidence(habits, first),
        },
      };
    });
  },
};

type Parameters = AnomaliesConfig["rules"]["consent_phishing"];

/** Minimum days of monitoring before a client can count as new. When monitoring starts, every client looks new. */
const WATCHED_DAYS = 3;

/**
 * Returns the hosting operator of the address that a token was used from, otherwise the network. A program may use many
 * networks of one hosting operator, but a carrier's networks are shared by many people.
 */
function getNetworkSite({ network, enrichment }: SeenEvent): string {
  const hoster = enrichment?.networkType === "hosting" ? getOperator(enrichment) : undefined;
  return hoster ?? network ?? "";
}

/** Number of users that is enough for an alert if their tokens are used outside the users' own networks. */
const FEW_USERS = 5;

/** Returns the share of uses that come from the most frequent network or hosting operator. */
function concentration(uses: readonly SeenEvent[]): number {
  const counts = new Map<string, number>();
  for (const site of uses.map(getNetworkSite)) counts.set(site, (counts.get(site) ?? 0) + 1);
  return Math.max(0, ...counts.values()) / Math.max(1, uses.length);
}

const CONSENT_POINTS = {
  consents: 30, // a new client to which users consented explicitly
  tokens: 15, // a new client whose tokens were mostly issued without recorded consents
  oneLocation: 35, // most tokens are used from one network or hosting operator
  collected: 45, // a known client whose new users' tokens stay unused
  sensitiveScopes: 15, // the tokens allow more than reading
};
/** Minimum share of uses from one network or hosting operator for a client to work from one place. */
const ONE_LOCATION_SHARE = 0.8;

/** A user who signed in this recently may not have made a call yet. */
const CALLS_WITHIN_MS = 10 * MINUTE_MS;
/** Minimum share of users that are new to the client, and of tokens that have never been used. */
const NEW_SHARE = 0.8;
const UNUSED_SHARE = 0.7;

/**
 * Finds known clients that unusually many new users authorize and whose tokens stay unused. Someone may be collecting
 * the tokens.
 */
function collected(
  { clients, issuance, historyStartMs, nowMs }: DetectionSnapshot,
  { users: threshold }: Parameters,
): Anomaly[] {
  const limits = { minimum: threshold, deviations: 6, ratio: 3 };
  return unusualHours(issuance, historyStartMs, nowMs, limits, "tokens issued").flatMap((each) => {
    const { id } = each.subject;
    const events = clients.get(id) ?? [];
    const fromMs = nowMs - 2 * HOUR_MS;
    const granted = events.filter(
      ({ type, userId, atMs }) => type === "token_issued" && userId !== undefined && atMs >= fromMs,
    );
    const known = new Set(events.filter(({ atMs }) => atMs < fromMs).map(({ userId }) => userId));
    const users = new Set(granted.map(({ userId }) => userId));
    const fresh = [...users].filter((user) => !known.has(user));
    const presented = new Set(
      events.filter(({ type }) => type !== "token_issued").map(({ tokenId }) => tokenId),
    );
    const due = granted.filter(({ atMs }) => atMs < nowMs - CALLS_WITHIN_MS);
    const unused = due.filter(({ tokenId }) => !presented.has(tokenId));
    if (known.size === 0 || fresh.length < threshold || fresh.length < NEW_SHARE * users.size) {
      return [];
    }
    if (due.length < threshold / 2 || unused.length < UNUSED_SHARE * due.length) return [];
    const sensitive = [...new Set(granted.flatMap(({ scopes }) => scopes))].filter(isSensitive);
    return {
      ...each,
      message: `${users.size} users gave access to ${id} within two hours, ${fresh.length} of them for the first time; ${unused.length} of their ${due.length} tokens were never used. ${each.message}`,
      score: CONSENT_POINTS.collected + (sensitive.length > 0 ? CONSENT_POINTS.sensitiveScopes : 0),
      observed: users.size,
      threshold,
      windowStart: toInstant(fromMs),
      evidence: {
        ...each.evidence,
        new_users: fresh.length,
        unused_tokens: unused.length,
        sensitive_scopes: sensitive.slice(0, 10),
      },
    };
  });
}

/**
 * Detects two kinds of client that many users authorize: new clients whose tokens are all used from one location, and
 * known clients whose tokens are collected but not used.
 */
export const consentPhishing: AnomalyRule<Parameters> = {
  name: "consent_phishing",
  catches:
    "a new client to which many users give access, or a known client to which unusually many users give access and whose tokens stay unused",
  falsePositives:
    "the launch of a partner's service that calls from its own servers, or that uses its tokens much later",
  advice:
    "Find out who registered the client and where its redirect URIs lead. If you cannot verify its owner, disable it and revoke its tokens.",
  examples: "all",
  find: (snapshot, parameters) => {
    const { clients, firstSeenMs, nowMs } = snapshot;
    const { users: threshold, days } = parameters;
    const watchedMs = nowMs - Math.min(Number.POSITIVE_INFINITY, ...firstSeenMs.values());
    if (watchedMs < WATCHED_DAYS * DAY_MS) return [];
    const newClients = [...clients].flatMap(([clientId, events]) => {
      const firstMs = firstSeenMs.get(clientId) ?? nowMs;
      // A client that already existed when monitoring started isn't new.
      const isNew = nowMs - firstMs < days * DAY_MS && nowMs - watchedMs < firstMs - DAY_MS;
      const granted = events.filter(
        ({ type, userId }) =>
          userId !== undefined && (type === "token_issued" || type === "consent_granted"),
      );
      const users = new Set(granted.map(({ userId }) => userId));
      const uses = events.filter(
        ({ type, userId }) => type === "token_used" && userId !== undefined,
      );
      const consented = granted.filter(({ type }) => type === "consent_granted");
      // A small number of users only counts if they consented from networks where their tokens aren't used.
      const isElsewhere =
        consented.length >= FEW_USERS &&
        uses.length > 0 &&
        !uses.some(({ network }) =>
          granted.some((each) => each.network === network && each.type === "consent_granted"),
        );
      if (!isNew || users.size < (isElsewhere ? Math.min(FEW_USERS, threshold) : threshold))
        return [];
      const scopes = new Set(granted.flatMap((each) => each.scopes));
      const sensitive = [...scopes].filter(isSensitive);
      const isOneLocation =
        uses.length >= users.size / 2 && concentration(uses) >= ONE_LOCATION_SHARE;
      const [use] = uses;
      return {
        subject: { kind: "client", id: clientId } as const,
        involved: isOneLocation && use?.ip ? [{ kind: "ip", id: use.ip } as const] : [],
        message: `${users.size} users gave access to ${clientId}, which is ${Math.ceil((nowMs - firstMs) / DAY_MS)} days old${isOneLocation ? `; most uses of their tokens come from ${formatEnrichment(use?.enrichment) ?? use?.network}` : ""}`,
        score:
          CONSENT_POINTS[consented.length >= threshold / 2 ? "consents" : "tokens"] +
          (isOneLocation ? CONSENT_POINTS.oneLocation : 0) +
          (sensitive.length > 0 ? CONSENT_POINTS.sensitiveScopes : 0),
        observed: users.size,
        threshold,
        ...formatWindow(nowMs - DAY_MS, nowMs),
        evidence: {
          first_seen_at: toInstant(firstMs),
          sensitive_scopes: sensitive.slice(0, 10),
          consents: consented.length,
        },
      };
    });
    const found = new Set(
      newClients.filter(({ score }) => score >= RAISED_FROM).map(({ subject }) => subject.id),
    );
    return [
      ...newClients,
      ...collected(snapshot, parameters).filter(({ subject }) => !found.has(subject.id)),
    ];
  },
};

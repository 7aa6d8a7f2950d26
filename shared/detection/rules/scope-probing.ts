import type { AnomaliesConfig } from "../../config/anomaly-parameters.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/clock.ts";
import { type AnomalyRule, formatWindow, getSubjects } from "./anomaly-rule.ts";
import { newParties, strangeAddresses, summariseHabits } from "./party.ts";
import { type SeenEvent, toPrincipalSubject, toTemplate } from "./seen-event.ts";

/** If at least this many principals using one client are denied at an endpoint, the client is misconfigured. */
const SHARED_BY = 3;

const PROBING_POINTS = {
  base: 45, // as many endpoints or scopes as configured
  each: 5, // for each further endpoint or scope
  strange: 20, // a network or user agent is new to the principal
  fast: 25, // many denials within ten minutes
};
/** Number of denials within ten minutes that counts as fast. */
const FAST_DENIALS = 15;

const getAdapterKey = ({ clientId, endpoint = "" }: SeenEvent) =>
  `${clientId}\n${toTemplate(endpoint)}`;

/** Detects a principal that is denied at many endpoints because of missing scopes, however slowly. */
export const scopeProbing: AnomalyRule<AnomaliesConfig["rules"]["scope_probing"]> = {
  name: "scope_probing",
  catches: "a principal that probes what its token allows, fast or slowly",
  falsePositives: "a developer who explores an API; a client whose scopes were reduced",
  advice: "Ask the client's owner. If there is no explanation, revoke the token.",
  examples: "failures",
  find: ({ principals, nowMs }, { endpoints: threshold, hours }) => {
    const fromMs = nowMs - hours * HOUR_MS;
    const violations = new Map(
      [...principals].map(([principal, events]) => [
        principal,
        events.filter(({ type, atMs }) => type === "scope_violation" && atMs >= fromMs),
      ]),
    );
    const sharers = new Map<string, Set<string>>();
    for (const [principal, events] of violations) {
      for (const adapter of new Set(events.map(getAdapterKey))) {
        sharers.set(adapter, (sharers.get(adapter) ?? new Set()).add(principal));
      }
    }
    return [...violations].flatMap(([principal, all]) => {
      const events = all.filter(
        (each) => (sharers.get(getAdapterKey(each))?.size ?? 0) < SHARED_BY,
      );
      const endpoints = new Set(events.map(({ endpoint = "" }) => toTemplate(endpoint)));
      const scopes = new Set(events.flatMap(({ scopes }) => scopes));
      const last = events.at(-1);
      const variety = Math.max(endpoints.size, scopes.size);
      if (variety < threshold || !last || last.atMs < nowMs - HOUR_MS) return [];
      const [first] = events;
      const habits = summariseHabits(
        (principals.get(principal) ?? []).filter(({ atMs }) => atMs < (first?.atMs ?? 0)),
      );
      const parties = newParties(principals.get(principal) ?? [], fromMs);
      const isOdd = parties.some(({ isNewAgent, isNewNetwork }) => isNewAgent || isNewNetwork);
      const fast = events.filter(({ atMs }) => atMs >= last.atMs - 10 * MINUTE_MS).length;
      const subject = toPrincipalSubject(principal);
      const tokens = [...new Set(events.flatMap(({ tokenId }) => tokenId ?? []))];
      const [id = ""] = tokens;
      return {
        subject: tokens.length === 0 ? subject : ({ kind: "token", id } as const),
        clientId: last.clientId,
        involved: [subject, ...getSubjects("token", tokens), ...strangeAddresses(events, habits)],
        message: `${subject.kind} ${subject.id} was denied ${events.length} times at ${endpoints.size} endpoints for ${scopes.size} scopes within ${hours} hours; the usual number is 1 or 2`,
        score: Math.min(
          100,
          PROBING_POINTS.base +
            PROBING_POINTS.each * (variety - threshold) +
            (isOdd ? PROBING_POINTS.strange : 0) +
            (fast >= FAST_DENIALS ? PROBING_POINTS.fast : 0),
        ),
        observed: variety,
        threshold,
        ...formatWindow(fromMs, nowMs),
        evidence: { endpoints: [...endpoints].slice(0, 10), scopes: [...scopes].slice(0, 10) },
      };
    });
  },
};

import { HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import { NO_CLIENT, type OAuthEvent } from "../../../shared/events/oauth-event.ts";
import type { CaseLabel } from "./labelled-case.ts";

/** An opened alert, on which a policy acts. */
export interface OpenedAlert {
  readonly rule: string;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly atMs: number;
}

/** The action that a policy takes on a rule's alerts. */
export interface JudgedPolicy {
  readonly action: "block" | "revoke";
  readonly blockMinutes: number;
}

/** One labelled day: its events in order, its cases, and the opened alerts. */
export interface PolicyDay {
  readonly events: readonly OAuthEvent[];
  readonly labels: readonly Pick<CaseLabel, "name" | "kind" | "eventIds">[];
  readonly opened: readonly OpenedAlert[];
}

/** The outcome of an attack. */
export interface AttackOutcome {
  readonly name: string;
  readonly calls: number;
  /** Number of calls before the first denied one. Equals `calls` if none was denied. */
  readonly callsBefore: number;
  readonly denied: number;
}

/** The effect that policies would have had on a day. */
export interface PolicyEffect {
  readonly actions: number;
  /** Actions that denied no attack call and revoked no token that an attack had used. */
  readonly wrongActions: number;
  /** Revoked tokens that no attack had used before. */
  readonly wronglyRevokedTokens: number;
  /**
   * Total time that blocks kept legitimate callers out. For each caller, this is the time from the first blocked call
   * to the end of the block.
   */
  readonly blockedCallerMinutes: number;
  readonly attacks: readonly AttackOutcome[];
}

interface TakenAction {
  readonly kind: "block" | "revoke";
  readonly target: string;
  readonly atMs: number;
  readonly untilMs: number;
  isRight: boolean;
  /** Time of the first legitimate call that the action denied, by caller. */
  readonly keptOut: Map<string, number>;
}

interface KnownToken {
  readonly subjects: readonly string[];
  readonly issuedMs: number;
  expiresMs: number;
  /** Time at which an attack first used the token. */
  stolenMs: number;
}

/** Events that are calls to an adapter. */
const CALLS: ReadonlySet<string> = new Set(["token_used", "auth_failed", "scope_violation"]);

const getTime = ({ occurred_at }: OAuthEvent) => Date.parse(occurred_at);

const getToken = ({ event_data: { token_id } }: OAuthEvent) =>
  typeof token_id === "string" ? token_id : undefined;

/** Returns the subjects whose block or revocation applies to an event. */
function getSubjects(event: OAuthEvent): string[] {
  const { oauth_client_id: client, user_id: user, event_data } = event;
  const named: [string, unknown][] = [
    ["client", client],
    ["user", user],
    ["token", getToken(event)],
    ["ip", event_data.ip],
  ];
  return named.flatMap(([kind, id]) => (typeof id === "string" ? [`${kind} ${id}`] : []));
}

/** Identifies the caller as precisely as the event allows. */
const getCaller = ({ oauth_client_id: client, user_id: user, event_data: { ip } }: OAuthEvent) =>
  `${client} ${user ?? ip}`;

/**
 * Takes the policies' actions, at most `actionsPerHour` per clock hour. Takes no action on outages or unknown clients,
 * and none while an earlier action on the target is in effect.
 */
function takeActions(
  opened: readonly OpenedAlert[],
  policies: Readonly<Record<string, JudgedPolicy>>,
  actionsPerHour: number,
): TakenAction[] {
  const taken: TakenAction[] = [];
  const inHour = new Map<number, number>();
  for (const { rule, subject, atMs } of opened.toSorted((a, b) => a.atMs - b.atMs)) {
    const policy = policies[rule];
    if (!policy || subject.kind === "reason" || subject.id === NO_CLIENT) continue;
    const target = `${subject.kind} ${subject.id}`;
    // An IP address has no tokens, so it is always blocked.
    const kind = subject.kind === "ip" ? "block" : policy.action;
    const untilMs = kind === "block" ? atMs + policy.blockMinutes * MINUTE_MS : Infinity;
    const isDealtWith = taken.some(
      (one) =>
        one.kind === kind &&
        one.target === target &&
        one.untilMs > atMs &&
        (kind === "block" || subject.kind === "token"),
    );
    const hour = Math.floor(atMs / HOUR_MS);
    const before = inHour.get(hour) ?? 0;
    if (isDealtWith || before >= actionsPerHour) continue;
    inHour.set(hour, before + 1);
    taken.push({ kind, target, atMs, untilMs, isRight: false, keptOut: new Map() });
  }
  return taken;
}

/** Returns a day's tokens with their subjects, their lifetime, and their first use by an attack. */
function readTokens(
  events: readonly OAuthEvent[],
  attackIds: ReadonlySet<string>,
): Map<string, KnownToken> {
  const tokens = new Map<string, KnownToken>();
  for (const event of events) {
    const id = getToken(event);
    if (id === undefined) continue;
    const atMs = getTime(event);
    const { expires_at, ip: _ } = event.event_data;
    const known = tokens.get(id) ?? {
      subjects: getSubjects(event).filter((subject) => !subject.startsWith("ip ")),
      // A token that is used before it is issued in these events was issued before this day.
      issuedMs: event.event_type === "token_issued" ? atMs : -Infinity,
      expiresMs: atMs,
      stolenMs: Infinity,
    };
    if (event.event_type === "token_issued") known.expiresMs = Date.parse(String(expires_at));
    else if (event.event_type === "token_revoked") known.expiresMs = atMs;
    else known.expiresMs = Math.max(known.expiresMs, atMs);
    if (attackIds.has(event.id)) known.stolenMs = Math.min(known.stolenMs, atMs);
    tokens.set(id, known);
  }
  return tokens;
}

/** Simulates policies on a labelled day. Attackers and users behave as recorded and do not react to denied calls. */
export function effectOfPolicies(
  { events, labels, opened }: PolicyDay,
  policies: Readonly<Record<string, JudgedPolicy>>,
  actionsPerHour = Infinity,
): PolicyEffect {
  const getAttack = new Map(
    labels
      .filter(({ kind }) => kind === "attack")
      .flatMap(({ name, eventIds }) => [...eventIds].map((id) => [id, name] as const)),
  );
  const tokens = readTokens(events, new Set(getAttack.keys()));
  const taken = takeActions(opened, policies, actionsPerHour);
  const byTarget = new Map<string, TakenAction[]>();
  for (const action of taken) {
    byTarget.set(action.target, [...(byTarget.get(action.target) ?? []), action]);
  }

  let wronglyRevokedTokens = 0;
  for (const action of taken.filter(({ kind }) => kind === "revoke")) {
    for (const { subjects, issuedMs, expiresMs, stolenMs } of tokens.values()) {
      const isHit = subjects.includes(action.target) && issuedMs < action.atMs;
      if (!isHit || expiresMs <= action.atMs) continue;
      if (stolenMs <= action.atMs) action.isRight = true;
      else wronglyRevokedTokens += 1;
    }
  }

  const outcomes = new Map<string, { calls: number; callsBefore: number; denied: number }>();
  for (const event of events) {
    if (!CALLS.has(event.event_type)) continue;
    const atMs = getTime(event);
    const issuedMs = tokens.get(getToken(event) ?? "")?.issuedMs ?? -Infinity;
    const denying = getSubjects(event)
      .flatMap((subject) => byTarget.get(subject) ?? [])
      .filter((action) => action.atMs < atMs && atMs < action.untilMs)
      .find(({ kind, atMs: revokedMs }) => kind === "block" || issuedMs < revokedMs);
    const attack = getAttack.get(event.id);
    if (attack !== undefined) {
      const outcome = outcomes.get(attack) ?? { calls: 0, callsBefore: 0, denied: 0 };
      outcome.calls += 1;
      if (denying) outcome.denied += 1;
      else if (outcome.denied === 0) outcome.callsBefore += 1;
      outcomes.set(attack, outcome);
      if (denying) denying.isRight = true;
    } else if (denying?.kind === "block" && event.event_type === "token_used") {
      const caller = getCaller(event);
      if (!denying.keptOut.has(caller)) denying.keptOut.set(caller, atMs);
    }
  }
  const blockedMs = taken.flatMap(({ keptOut, untilMs }) =>
    [...keptOut.values()].map((firstMs) => untilMs - firstMs),
  );
  return {
    actions: taken.length,
    wrongActions: taken.filter(({ isRight }) => !isRight).length,
    wronglyRevokedTokens,
    blockedCallerMinutes: blockedMs.reduce((sum, ms) => sum + ms, 0) / MINUTE_MS,
    attacks: [...outcomes].map(([name, outcome]) => ({ name, ...outcome })),
  };
}

import { DAY_MS } from "../core/clock.ts";
import { shardOf } from "../core/document-client.ts";
import { isDeviceGrant, isGuess, REFRESH_TOKEN_INVALID } from "../events/event-facts.ts";
import { addressGroup, networkOf } from "../events/ip-network.ts";
import { NO_CLIENT, type OAuthEvent, tokenIdOf, typesOf } from "../events/oauth-event.ts";
import { placeOf } from "../events/origin.ts";
import { cutText } from "../events/redact-text.ts";
import { agentOf } from "../events/user-agent.ts";
import { previousUseSchema } from "../tokens/token-use.ts";
import type { Count, RankedKind } from "./counter-keys.ts";
import type { AgentNews } from "./first-agents.ts";

/**
 * Days without use after which a token is dormant. Longer than a long weekend and shorter than a week, so a token that
 * a weekly job uses is always dormant.
 */
export const DORMANT_AFTER_DAYS = 5;

/** Sampling rate: one use in this many is counted. Multiply the count by this number to estimate the uses. */
export const SAMPLED_ONE_IN = 44;

/** New facts about an event, compared with earlier events. */
export interface EventNews extends AgentNews {
  /** Whether the user's country or kind of network was first seen within the last hour. */
  readonly isElsewhere: boolean;
}

/** Event types of calls that were denied because of the token, session or scopes. */
const FAILURE_TYPES: ReadonlySet<string> = new Set(["auth_failed", "scope_violation"]);

/** Whether rankings and reports count events of this type as failures. */
export function isFailure(eventType: string): boolean {
  return FAILURE_TYPES.has(eventType);
}

/** Maximum bytes of caller-supplied text in a counter. */
const MAX_VALUE_BYTES = 512;

/** A value to count under a ranked kind. */
interface Subject<Kind extends RankedKind = RankedKind> {
  readonly kind: Kind;
  readonly value: string;
}

function subject<Kind extends RankedKind>(kind: Kind, value: unknown): Subject<Kind>[] {
  return typeof value === "string" && value !== ""
    ? [{ kind, value: cutText(value, MAX_VALUE_BYTES) }]
    : [];
}

type Facts = Pick<OAuthEvent, "id" | "event_type" | "event_data" | "occurred_at"> & {
  readonly user_id?: string | undefined;
};

/**
 * Returns the ranked subjects of a failed call: its address (the /64 for IPv6) and its endpoint. Calls without valid
 * credentials are ranked by route pattern, because callers can invent paths.
 */
export function failureSubjects(
  event: Pick<OAuthEvent, "event_type" | "event_data">,
): Subject<"failed_ips" | "failed_endpoints">[] {
  if (!isFailure(event.event_type)) return [];
  const { ip, endpoint, route = endpoint } = event.event_data;
  const group = typeof ip === "string" ? addressGroup(ip) : undefined;
  return [...subject("failed_ips", group), ...subject("failed_endpoints", route)];
}

/** Whether an event is in the sample. The result is the same for every delivery of the event. */
function isSampled({ id }: Pick<OAuthEvent, "id">): boolean {
  return shardOf(id, SAMPLED_ONE_IN) === 0;
}

/** Denial reasons that imply the principal had access before. */
const HOLDER_REASONS: ReadonlySet<string> = new Set([
  "scope_violation",
  "revoked_token",
  "foreign_session",
  "authorization_code_reused",
  "refresh_token_reused",
  REFRESH_TOKEN_INVALID,
]);

/** Returns the principal that detection examines: the user, else the token. */
function holderOf(event: Facts): string | undefined {
  if (event.user_id !== undefined) return `user:${event.user_id}`;
  const tokenId = tokenIdOf(event);
  return tokenId === undefined ? undefined : `token:${tokenId}`;
}

function failureCounts(event: Facts): Subject[] {
  const { event_type, event_data } = event;
  const given = event_type === "auth_failed" ? event_data.reason : event_type;
  // Producers may send any type for the reason.
  const reason = typeof given === "string" ? given : "";
  const isHolders = HOLDER_REASONS.has(reason) || isGuess(reason);
  return [
    ...subject("failed_reasons", reason),
    ...(isHolders ? subject("refused_holders", holderOf(event)) : []),
  ];
}

/**
 * Whether two addresses are equal or, for IPv6, in the same network. Devices rotate their IPv6 address within a network
 * (privacy extensions).
 */
function isSamePlace(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const isIpv6 = typeof one === "string" && one.includes(":");
  return isIpv6 && networkOf(one) !== undefined && networkOf(one) === networkOf(other);
}

/** Returns the subjects that only detection reads. */
function detectionSubjects(event: Facts, news: EventNews): Subject[] {
  const { event_type, event_data, occurred_at, user_id } = event;
  if (isFailure(event_type)) return failureCounts(event);
  // Device codes are rare enough to check each one.
  if (event_type === "token_issued" && user_id !== undefined && isDeviceGrant(event_data)) {
    return subject("changed_holders", holderOf(event));
  }
  if (event_type === "session_started" && news.isElsewhere) {
    return subject("changed_holders", holderOf(event));
  }
  const tokenId = tokenIdOf(event);
  if (event_type !== "token_used" || tokenId === undefined) return [];
  const holder = holderOf(event);
  const sampled = isSampled(event) ? subject("sampled_uses", holder) : [];
  const previous = previousUseSchema.safeParse(event_data.previous_use);
  const network = networkOf(event_data.ip);
  const agent = agentOf(event_data.user_agent);
  const previousUse = previous.success ? previous.data : undefined;
  const isMoved = previousUse !== undefined && previousUse !== null;
  const hasOtherPlace = isMoved && !isSamePlace(event_data.ip, previousUse.ip);
  const restedMs = isMoved ? Date.parse(occurred_at) - Date.parse(previousUse.at) : 0;
  // Instances of one service share tokens across addresses, so only a network change counts for services.
  const isChanged = (hasOtherPlace && user_id !== undefined) || news.isChanged || news.isElsewhere;
  const isInNewNetwork =
    network !== undefined &&
    previous.success &&
    (!previousUse || networkOf(previousUse.ip) !== network);
  const isServicePlace =
    user_id === undefined && network !== undefined && (isInNewNetwork || news.isNewToClient);
  // Compares services by network operator where it is known, because one cloud has many networks.
  const place = placeOf(event_data);
  return [
    ...(isChanged ? subject("changed_holders", holder) : []),
    ...(isServicePlace ? subject("service_networks", `${place} ${agent ?? ""}`) : []),
    ...(restedMs >= DORMANT_AFTER_DAYS * DAY_MS ? subject("dormant_tokens", tokenId) : []),
    ...sampled,
  ];
}

/** Used for events whose history is unknown. */
export const NO_NEWS: EventNews = {
  isChanged: false,
  isNewToClient: false,
  isElsewhere: false,
};

/**
 * Returns an event's counts: one for its type and client, and one for each ranked subject. Successful scope checks and
 * credential guesses are counted on the same items.
 *
 * @param news what `enterAgents` and `enterPlaces` returned for the event
 */
export function countsOfEvent(event: OAuthEvent, news: EventNews = NO_NEWS): Count[] {
  const client = event.oauth_client_id ?? NO_CLIENT;
  const atMs = Date.parse(event.occurred_at);
  const subjects = [...failureSubjects(event), ...detectionSubjects(event, news)];
  const isAGuess = event.event_type === "auth_failed" && isGuess(event.event_data.reason);
  const dimensions = [event.event_type, client];
  return [
    ...typesOf(event).map((type): Count => {
      const field = type === event.event_type ? "n" : "s";
      return { kind: "events", dimensions, field, atMs };
    }),
    ...(isAGuess ? [{ kind: "events", dimensions, field: "g", atMs } as const] : []),
    ...subjects.flatMap(({ kind, value }): Count[] => {
      const count = { kind, subject: { oauth_client_id: client, value }, atMs };
      const isGuessOfAddress = isAGuess && kind === "failed_ips";
      return [
        { ...count, field: "n" },
        ...(isGuessOfAddress ? [{ ...count, field: "g" } as const] : []),
      ];
    }),
  ];
}

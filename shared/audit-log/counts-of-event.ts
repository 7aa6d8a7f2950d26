import { DAY_MS } from "../core/clock.ts";
import { shardOf } from "../core/shards.ts";
import { cutText } from "../events/cut-text.ts";
import { isDeviceGrant } from "../events/device-grant.ts";
import { isGuess } from "../events/guess-reasons.ts";
import { addressGroup } from "../events/ip-block.ts";
import { networkOf } from "../events/network.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { NO_CLIENT, tokenIdOf, typesOf } from "../events/oauth-event.ts";
import { placeOf } from "../events/operator.ts";
import { REFRESH_TOKEN_INVALID } from "../events/refresh-refusal.ts";
import { agentOf } from "../events/user-agent.ts";
import { previousUseSchema } from "../tokens/previous-use.ts";
import type { Count, RankedKind } from "./counter-keys.ts";
import type { AgentNews } from "./first-agents.ts";

/**
 * Days without use after which a token is dormant. Between a long weekend and a week, so that a weekly job is always
 * dormant.
 */
export const DORMANT_AFTER_DAYS = 5;

/** Sampling rate of uses: one in this many. Multiply the count by this number to estimate the uses. */
export const SAMPLED_ONE_IN = 44;

/** Novelty of an event. */
export interface EventNews extends AgentNews {
  /** Whether the user's country or kind of network was first seen within the last hour. */
  readonly isElsewhere: boolean;
}

/** Event types of calls that were denied for their token, session or scopes. */
const FAILURE_TYPES: ReadonlySet<string> = new Set(["auth_failed", "scope_violation"]);

/** Whether rankings and reports count events of the type as failures. */
export function isFailure(eventType: string): boolean {
  return FAILURE_TYPES.has(eventType);
}

/** Maximum bytes of a caller's text in a counter. */
const MAX_VALUE_BYTES = 512;

/** A ranked value of a kind. */
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

/** Whether an event is in the sample. Every delivery of the event gives the same answer. */
function isSampled({ id }: Pick<OAuthEvent, "id">): boolean {
  return shardOf(id, SAMPLED_ONE_IN) === 0;
}

/** Denial reasons of principals that had access before. */
const HOLDER_REASONS: ReadonlySet<string> = new Set([
  "scope_violation",
  "revoked_token",
  "foreign_session",
  "authorization_code_reused",
  "refresh_token_reused",
  REFRESH_TOKEN_INVALID,
]);

/** Returns the principal for detection: the user, else the token. */
function holderOf(event: Facts): string | undefined {
  if (event.user_id !== undefined) return `user:${event.user_id}`;
  const tokenId = tokenIdOf(event);
  return tokenId === undefined ? undefined : `token:${tokenId}`;
}

function failureCounts(event: Facts): Subject[] {
  const { event_type, event_data } = event;
  const given = event_type === "auth_failed" ? event_data.reason : event_type;
  // Producers may send any type here.
  const reason = typeof given === "string" ? given : "";
  const isHolders = HOLDER_REASONS.has(reason) || isGuess(reason);
  return [
    ...subject("failed_reasons", reason),
    ...(isHolders ? subject("refused_holders", holderOf(event)) : []),
  ];
}

/**
 * Whether two addresses belong to the same network (IPv6) or are equal (IPv4). Privacy extensions and dual stacks
 * rotate addresses within a network.
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
  // Device codes are rare enough to check each of them.
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
  // Instances of a service share tokens across addresses, so only networks count for services.
  const isChanged = (hasOtherPlace && user_id !== undefined) || news.isChanged || news.isElsewhere;
  const isInNewNetwork =
    network !== undefined &&
    previous.success &&
    (!previousUse || networkOf(previousUse.ip) !== network);
  const isServicePlace =
    user_id === undefined && network !== undefined && (isInNewNetwork || news.isNewToClient);
  // Services are compared by network operator if it is known: a cloud has many networks.
  const place = placeOf(event_data);
  return [
    ...(isChanged ? subject("changed_holders", holder) : []),
    ...(isServicePlace ? subject("service_networks", `${place} ${agent ?? ""}`) : []),
    ...(restedMs >= DORMANT_AFTER_DAYS * DAY_MS ? subject("dormant_tokens", tokenId) : []),
    ...sampled,
  ];
}

/** Novelty of an event whose history is unknown. */
export const NO_NEWS: EventNews = {
  isChanged: false,
  isNewToClient: false,
  isElsewhere: false,
};

/**
 * Returns the counts of an event: one of its type and client, and one per ranked subject. The same items also count
 * successful scope checks and credential guesses.
 *
 * @param news result of `enterAgents` and `enterPlaces` for the event
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

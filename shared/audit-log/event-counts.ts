import { DAY_MS } from "../core/clock.ts";
import { computeShard } from "../core/document-client.ts";
import { isCredentialGuess, isDeviceGrant, REFRESH_TOKEN_INVALID } from "../events/event-facts.ts";
import { getOperator, readEnrichment } from "../events/ip-enrichment.ts";
import { addressGroup, parseNetwork } from "../events/ip-network.ts";
import { getEventTypes, getTokenId, NO_CLIENT, type OAuthEvent } from "../events/oauth-event.ts";
import { cutText } from "../events/redact-text.ts";
import { parseAgent } from "../events/user-agent.ts";
import { previousUseSchema } from "../tokens/token-use.ts";
import type { Count, RankedKind } from "./counter-keys.ts";
import type { AgentNovelty } from "./first-agents.ts";

/**
 * Days without use after which a token is dormant. Longer than a long weekend and shorter than a week, so a token that
 * a weekly job uses is always dormant.
 */
export const DORMANT_AFTER_DAYS = 5;

/** Sampling rate: one use in this many is counted. Multiply the count by this number to estimate the uses. */
export const SAMPLED_ONE_IN = 44;

/** New facts about an event, compared with earlier events. */
export interface EventNovelty extends AgentNovelty {
  /** Whether the user's country or network type was first seen within the last hour. */
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
  return computeShard(id, SAMPLED_ONE_IN) === 0;
}

/** Denial reasons that imply the principal had access before. */
const PRINCIPAL_REASONS: ReadonlySet<string> = new Set([
  "scope_violation",
  "revoked_token",
  "foreign_session",
  "authorization_code_reused",
  "refresh_token_reused",
  REFRESH_TOKEN_INVALID,
]);

/** Returns the principal that detection examines: the user, else the token. */
function getPrincipal(event: Facts): string | undefined {
  if (event.user_id !== undefined) return `user:${event.user_id}`;
  const tokenId = getTokenId(event);
  return tokenId === undefined ? undefined : `token:${tokenId}`;
}

function failureCounts(event: Facts): Subject[] {
  const { event_type, event_data } = event;
  const given = event_type === "auth_failed" ? event_data.reason : event_type;
  // Producers may send any type for the reason.
  const reason = typeof given === "string" ? given : "";
  const isPrincipalFailure = PRINCIPAL_REASONS.has(reason) || isCredentialGuess(reason);
  return [
    ...subject("failed_reasons", reason),
    ...(isPrincipalFailure ? subject("denied_principals", getPrincipal(event)) : []),
  ];
}

/**
 * Whether two addresses are equal or, for IPv6, in the same network. Devices rotate their IPv6 address within a network
 * (privacy extensions).
 */
function isSameLocation(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const isIpv6 = typeof one === "string" && one.includes(":");
  return isIpv6 && parseNetwork(one) !== undefined && parseNetwork(one) === parseNetwork(other);
}

/** Returns the subjects that only detection reads. */
function detectionSubjects(event: Facts, novelty: EventNovelty): Subject[] {
  const { event_type, event_data, occurred_at, user_id } = event;
  if (isFailure(event_type)) return failureCounts(event);
  // Device codes are rare enough to check each one.
  if (event_type === "token_issued" && user_id !== undefined && isDeviceGrant(event_data)) {
    return subject("changed_principals", getPrincipal(event));
  }
  if (event_type === "session_started" && novelty.isElsewhere) {
    return subject("changed_principals", getPrincipal(event));
  }
  const tokenId = getTokenId(event);
  if (event_type !== "token_used" || tokenId === undefined) return [];
  const principal = getPrincipal(event);
  const sampled = isSampled(event) ? subject("sampled_uses", principal) : [];
  const previous = previousUseSchema.safeParse(event_data.previous_use);
  const network = parseNetwork(event_data.ip);
  const agent = parseAgent(event_data.user_agent);
  const previousUse = previous.success ? previous.data : undefined;
  const isMoved = previousUse !== undefined && previousUse !== null;
  const hasOtherLocation = isMoved && !isSameLocation(event_data.ip, previousUse.ip);
  const restedMs = isMoved ? Date.parse(occurred_at) - Date.parse(previousUse.at) : 0;
  // Instances of one service share tokens across addresses, so only a network change counts for services.
  const isChanged =
    (hasOtherLocation && user_id !== undefined) || novelty.isChanged || novelty.isElsewhere;
  const isInNewNetwork =
    network !== undefined &&
    previous.success &&
    (!previousUse || parseNetwork(previousUse.ip) !== network);
  const isServiceLocation =
    user_id === undefined && network !== undefined && (isInNewNetwork || novelty.isNewToClient);
  // Compares services by network operator where it is known, because one cloud has many networks.
  // The network operator comes first, because cloud customers call from many networks.
  const location = getOperator(readEnrichment(event_data)) ?? parseNetwork(event_data.ip);
  return [
    ...(isChanged ? subject("changed_principals", principal) : []),
    ...(isServiceLocation ? subject("service_networks", `${location} ${agent ?? ""}`) : []),
    ...(restedMs >= DORMANT_AFTER_DAYS * DAY_MS ? subject("dormant_tokens", tokenId) : []),
    ...sampled,
  ];
}

/** Used for events whose history is unknown. */
export const NO_NOVELTY: EventNovelty = {
  isChanged: false,
  isNewToClient: false,
  isElsewhere: false,
};

/**
 * Returns an event's counts: one for its type and client, and one for each ranked subject. Successful scope checks and
 * credential guesses are counted on the same items.
 *
 * @param novelty what `registerAgents` and `registerLocations` returned for the event
 */
export function getEventCounts(event: OAuthEvent, novelty: EventNovelty = NO_NOVELTY): Count[] {
  const client = event.oauth_client_id ?? NO_CLIENT;
  const atMs = Date.parse(event.occurred_at);
  const subjects = [...failureSubjects(event), ...detectionSubjects(event, novelty)];
  const isGuess = event.event_type === "auth_failed" && isCredentialGuess(event.event_data.reason);
  const dimensions = [event.event_type, client];
  return [
    ...getEventTypes(event).map((type): Count => {
      const field = type === event.event_type ? "n" : "s";
      return { kind: "events", dimensions, field, atMs };
    }),
    ...(isGuess ? [{ kind: "events", dimensions, field: "g", atMs } as const] : []),
    ...subjects.flatMap(({ kind, value }): Count[] => {
      const count = { kind, subject: { oauth_client_id: client, value }, atMs };
      const isCredentialGuessFromAddress = isGuess && kind === "failed_ips";
      return [
        { ...count, field: "n" },
        ...(isCredentialGuessFromAddress ? [{ ...count, field: "g" } as const] : []),
      ];
    }),
  ];
}

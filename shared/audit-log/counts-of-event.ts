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
 * Days without use after which a token is dormant: longer than a long weekend and shorter than a week, so that a weekly job
 * is always on the same side of the limit.
 */
export const DORMANT_AFTER_DAYS = 5;

/** One use in this many is sampled. The count times this number estimates the uses. */
export const SAMPLED_ONE_IN = 44;

/** What is new about an event. */
export interface EventNews extends AgentNews {
  /** Its user is in another country, or another kind of place, than ever until an hour before. */
  readonly isElsewhere: boolean;
}

/** Event types that tell of a call refused for its token, session or scopes. */
const FAILURE_TYPES: ReadonlySet<string> = new Set(["auth_failed", "scope_violation"]);

/** Whether events of the type are failures, as rankings and reports understand them. */
export function isFailure(eventType: string): boolean {
  return FAILURE_TYPES.has(eventType);
}

/** Bytes of a caller's text that a counter keeps. */
const MAX_VALUE_BYTES = 512;

/** Whom or what a kind of failure is ranked by. */
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
 * What a failed call is ranked by for admins: its address, or the /64 of an IPv6 address, and its endpoint. A call
 * without valid credentials is ranked by the pattern of its route, because anybody can make up paths and addresses.
 */
export function failureSubjects(
  event: Pick<OAuthEvent, "event_type" | "event_data">,
): Subject<"failed_ips" | "failed_endpoints">[] {
  if (!isFailure(event.event_type)) return [];
  const { ip, endpoint, route = endpoint } = event.event_data;
  const group = typeof ip === "string" ? addressGroup(ip) : undefined;
  return [...subject("failed_ips", group), ...subject("failed_endpoints", route)];
}

/** Whether an event is in the sample: the same for every delivery of it. */
function isSampled({ id }: Pick<OAuthEvent, "id">): boolean {
  return shardOf(id, SAMPLED_ONE_IN) === 0;
}

/** Reasons by which a call is refused although its holder once had access. */
const HOLDER_REASONS: ReadonlySet<string> = new Set([
  ...["scope_violation", "revoked_token", "foreign_session"],
  ...["authorization_code_reused", "refresh_token_reused", REFRESH_TOKEN_INVALID],
]);

/** Whom an event is about for the detection: its user, else its token. */
function holderOf(event: Facts): string | undefined {
  if (event.user_id !== undefined) return `user:${event.user_id}`;
  const tokenId = tokenIdOf(event);
  return tokenId === undefined ? undefined : `token:${tokenId}`;
}

function failureCounts(event: Facts): Subject[] {
  const { event_type, event_data } = event;
  const given = event_type === "auth_failed" ? event_data.reason : event_type;
  // A producer may put anything there.
  const reason = typeof given === "string" ? given : "";
  const isHolders = HOLDER_REASONS.has(reason) || isGuess(reason);
  return [
    ...subject("failed_reasons", reason),
    ...(isHolders ? subject("refused_holders", holderOf(event)) : []),
  ];
}

/** Addresses that privacy extensions and dual stacks rotate within are one place: IPv6's network, IPv4's address. */
function isSamePlace(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const isIpv6 = typeof one === "string" && one.includes(":");
  return isIpv6 && networkOf(one) !== undefined && networkOf(one) === networkOf(other);
}

/** What detection looks at beside the failures of admins. */
function detectionSubjects(event: Facts, news: EventNews): Subject[] {
  const { event_type, event_data, occurred_at, user_id } = event;
  if (isFailure(event_type)) return failureCounts(event);
  // Rare enough to look at each: nobody enters a device code every day.
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
  // A service's instances share tokens over addresses: of a service, only networks count.
  const isChanged = (hasOtherPlace && user_id !== undefined) || news.isChanged || news.isElsewhere;
  const isInNewNetwork =
    network !== undefined &&
    previous.success &&
    (!previousUse || networkOf(previousUse.ip) !== network);
  const isServicePlace =
    user_id === undefined && network !== undefined && (isInNewNetwork || news.isNewToClient);
  // A service is known by its operators where these are known: one cloud lets it out of many networks.
  const place = placeOf(event_data);
  return [
    ...(isChanged ? subject("changed_holders", holder) : []),
    ...(isServicePlace ? subject("service_networks", `${place} ${agent ?? ""}`) : []),
    ...(restedMs >= DORMANT_AFTER_DAYS * DAY_MS ? subject("dormant_tokens", tokenId) : []),
    ...sampled,
  ];
}

/** Nothing is known of what was before. */
export const NO_NEWS: EventNews = {
  isChanged: false,
  isNewToClient: false,
  isElsewhere: false,
};

/**
 * What an event counts: one of its type and client, in whose item also those are counted that carry a second
 * type or are a guess; and one of each subject it is ranked by.
 *
 * @param news what `enterAgents` and `enterPlaces` say of the event
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

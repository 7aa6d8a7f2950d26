import { isDeviceGrant } from "../../events/event-facts.ts";
import { type IpEnrichment, readEnrichment } from "../../events/ip-enrichment.ts";
import { parseNetwork } from "../../events/ip-network.ts";
import { getTokenId } from "../../events/oauth-event.ts";
import { parseAgent } from "../../events/user-agent.ts";

/** The fields of an audit event that rules evaluate. */
export interface SeenEvent {
  readonly atMs: number;
  readonly type: string;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  /** The network that the address belongs to. */
  readonly network?: string | undefined;
  /** IP enrichment for the address: country, operator and network type, if known. */
  readonly enrichment?: IpEnrichment | undefined;
  /** The network in which the token was previously used. It has no IP enrichment. */
  readonly previousNetwork?: string | undefined;
  /** The user agent's family and platform. */
  readonly agent?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly reason?: string | undefined;
  readonly scopes: readonly string[];
  /** Whether the token was issued for a device code. */
  readonly isDevice?: boolean | undefined;
  /** Whether the reported action failed. */
  readonly isFailed?: boolean | undefined;
  /** The provider's event code and message. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];

/** An event as published, or as read from the audit log. */
export interface ReadEvent {
  readonly event_type: string;
  readonly occurred_at: string;
  readonly oauth_client_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly event_data: Readonly<Record<string, unknown>>;
}

/** Converts an event. Invalid fields are treated as absent. */
export function toSeenEvent(event: ReadEvent): SeenEvent {
  const { event_data: data } = event;
  const ip = text(data.ip);
  const enrichment = readEnrichment(data);
  const previousNetwork = parseNetwork((Object(data.previous_use) as { readonly ip?: unknown }).ip);
  return {
    atMs: Date.parse(event.occurred_at),
    type: event.event_type,
    clientId: event.oauth_client_id,
    userId: event.user_id,
    tokenId: getTokenId(event),
    sessionId: text(data.session_id),
    ip,
    network: parseNetwork(ip),
    ...(enrichment !== undefined && { enrichment }),
    ...(previousNetwork !== undefined && { previousNetwork }),
    agent: parseAgent(data.user_agent),
    endpoint: text(data.endpoint),
    reason: text(data.reason),
    scopes: texts(event.event_type === "scope_violation" ? data.required_scopes : data.scopes),
    ...(event.event_type === "token_issued" && isDeviceGrant(data) && { isDevice: true }),
    ...(data.outcome === "failure" && { isFailed: true }),
    code: text(data.provider_event_type),
    message: text(data.message),
  };
}

/** Whether a path segment identifies a resource: it contains a digit or is long. */
const isResource = (segment: string) => /\d/.test(segment) || segment.length >= 24;

/** Replaces resource ids in an endpoint: `/api/orders/42` becomes `/api/orders/*`. Versions such as `v1` stay. */
export function toTemplate(endpoint: string): string {
  return endpoint
    .split("/")
    .map((segment) => (isResource(segment) && !/^v\d{1,2}$/.test(segment) ? "*" : segment))
    .join("/");
}

/** Parses a principal, `user:…` or `token:…`. */
export function toPrincipalSubject(principal: string): { kind: "user" | "token"; id: string } {
  const colon = principal.indexOf(":");
  const kind = principal.slice(0, colon) === "user" ? "user" : "token";
  return { kind, id: principal.slice(colon + 1) };
}

/** Whether the event gives access: a token was used or issued, or a session started. */
export function isSuccess({ type }: SeenEvent): boolean {
  return type === "token_used" || type === "token_issued" || type === "session_started";
}

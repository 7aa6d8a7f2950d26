import { isDeviceGrant } from "../../events/device-grant.ts";
import { networkOf } from "../../events/network.ts";
import { tokenIdOf } from "../../events/oauth-event.ts";
import { type Origin, originOf } from "../../events/origin.ts";
import { agentOf } from "../../events/user-agent.ts";

/** What the rules look at of a suspect's event. */
export interface SeenEvent {
  readonly atMs: number;
  readonly type: string;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  /** The network of the address. */
  readonly network?: string | undefined;
  /** The address's country, operator and kind, as far as they are known. */
  readonly origin?: Origin | undefined;
  /** The network of the token's use before this one, whose origin is not known. */
  readonly previousNetwork?: string | undefined;
  /** Family and platform of the user agent. */
  readonly agent?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly reason?: string | undefined;
  readonly scopes: readonly string[];
  /** A token that was issued for a device code. */
  readonly isDevice?: boolean | undefined;
  /** What the event tells of was tried, and did not succeed. */
  readonly isFailed?: boolean | undefined;
  /** The provider's own name for the event, and the text that goes with it. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];

/** An event as it is published, or as it is read back. */
export interface ReadEvent {
  readonly event_type: string;
  readonly occurred_at: string;
  readonly oauth_client_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly event_data: Readonly<Record<string, unknown>>;
}

/** Reads an event; a member that does not fit counts as absent. */
export function toSeenEvent(event: ReadEvent): SeenEvent {
  const { event_data: data } = event;
  const ip = text(data.ip);
  const origin = originOf(data);
  const previousNetwork = networkOf((Object(data.previous_use) as { readonly ip?: unknown }).ip);
  return {
    atMs: Date.parse(event.occurred_at),
    type: event.event_type,
    clientId: event.oauth_client_id,
    userId: event.user_id,
    tokenId: tokenIdOf(event),
    sessionId: text(data.session_id),
    ip,
    network: networkOf(ip),
    ...(origin !== undefined && { origin }),
    ...(previousNetwork !== undefined && { previousNetwork }),
    agent: agentOf(data.user_agent),
    endpoint: text(data.endpoint),
    reason: text(data.reason),
    scopes: texts(event.event_type === "scope_violation" ? data.required_scopes : data.scopes),
    ...(event.event_type === "token_issued" && isDeviceGrant(data) && { isDevice: true }),
    ...(data.outcome === "failure" && { isFailed: true }),
    code: text(data.provider_event_type),
    message: text(data.message),
  };
}

/** A segment of a path that names one resource: it has a digit, or is long. */
const isResource = (segment: string) => /\d/.test(segment) || segment.length >= 24;

/** An endpoint whose resources are left out: `/api/orders/42` is `/api/orders/*`. Versions stay. */
export function templateOf(endpoint: string): string {
  return endpoint
    .split("/")
    .map((segment) => (isResource(segment) && !/^v\d{1,2}$/.test(segment) ? "*" : segment))
    .join("/");
}

/** A user or a token that the detection looks at: `user:…` or `token:…`. */
export function holderSubject(holder: string): { kind: "user" | "token"; id: string } {
  const colon = holder.indexOf(":");
  const kind = holder.slice(0, colon) === "user" ? "user" : "token";
  return { kind, id: holder.slice(colon + 1) };
}

/** Whether an event tells of access that was given: a use, a token, a session. */
export function isSuccess({ type }: SeenEvent): boolean {
  return type === "token_used" || type === "token_issued" || type === "session_started";
}

import { DORMANT_AFTER_DAYS } from "../anomaly-rules/detection-snapshot.ts";
import { networkOf } from "../envelope/network.ts";
import type { OAuthEvent } from "../envelope/oauth-event.ts";
import { NO_CLIENT, tokenIdOf, typesOf } from "../envelope/oauth-event.ts";
import { DAY_MS } from "../time/clock.ts";
import { previousUseSchema } from "../tokens/previous-use.ts";
import type { Count, RankedKind } from "./counter-keys.ts";

/** Event types that tell of a call refused for its token, session or scopes. */
const FAILURE_TYPES: ReadonlySet<string> = new Set(["auth_failed", "scope_violation"]);

/** Whether events of the type are failures, as rankings and reports understand them. */
export function isFailure(eventType: string): boolean {
  return FAILURE_TYPES.has(eventType);
}

/** Bytes of a caller's text that a counter keeps. */
const MAX_VALUE_BYTES = 512;

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_VALUE_BYTES) return text;
  // As of a stream, the decoder keeps back a character that the cut went through.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, MAX_VALUE_BYTES), {
    stream: true,
  });
}

/** Whom or what a kind of failure is ranked by. */
interface Subject<Kind extends RankedKind = RankedKind> {
  readonly kind: Kind;
  readonly value: string;
}

function subject<Kind extends RankedKind>(kind: Kind, value: unknown): Subject<Kind>[] {
  return typeof value === "string" && value !== "" ? [{ kind, value: cut(value) }] : [];
}

type Facts = Pick<OAuthEvent, "event_type" | "event_data" | "occurred_at"> & {
  readonly user_id?: string | undefined;
};

/** What a failed call is ranked by for admins: its address and its endpoint, as far as it has them. */
export function failureSubjects(event: Facts): Subject<"failed_ips" | "failed_endpoints">[] {
  if (!isFailure(event.event_type)) return [];
  const { ip, endpoint } = event.event_data;
  return [...subject("failed_ips", ip), ...subject("failed_endpoints", endpoint)];
}

/** What detection looks at beside these; a value that names two things has a space between them. */
function detectionSubjects(event: Facts): Subject[] {
  const { event_type, event_data, occurred_at, user_id } = event;
  const tokenId = tokenIdOf(event);
  if (isFailure(event_type)) {
    const given = event_type === "auth_failed" ? event_data.reason : event_type;
    // A producer may put anything there.
    const reason = typeof given === "string" ? given : "";
    return [
      ...subject("failed_reasons", reason),
      ...(tokenId === undefined ? [] : subject("failed_tokens", `${reason} ${tokenId}`)),
    ];
  }
  const previous = previousUseSchema.safeParse(event_data.previous_use);
  const network = networkOf(event_data.ip);
  if (event_type !== "token_used" || tokenId === undefined || !previous.success) return [];
  const moved =
    network !== undefined && (!previous.data || networkOf(previous.data.ip) !== network);
  const restedMs = previous.data ? Date.parse(occurred_at) - Date.parse(previous.data.at) : 0;
  return [
    ...(moved ? subject("networks", `${network} ${tokenId}`) : []),
    ...(moved && user_id === undefined ? subject("service_networks", network) : []),
    ...(restedMs >= DORMANT_AFTER_DAYS * DAY_MS ? subject("dormant_tokens", tokenId) : []),
  ];
}

/**
 * What an event counts: one of its type and client, in whose item also those are counted that carry a second
 * type; and one of each subject it is ranked by.
 */
export function countsOfEvent(event: OAuthEvent): Count[] {
  const client = event.oauth_client_id ?? NO_CLIENT;
  const atMs = Date.parse(event.occurred_at);
  const subjects = [...failureSubjects(event), ...detectionSubjects(event)];
  return [
    ...typesOf(event).map((type): Count => {
      const field = type === event.event_type ? "n" : "s";
      return { kind: "events", dimensions: [event.event_type, client], field, atMs };
    }),
    ...subjects.map(({ kind, value }): Count => {
      return { kind, subject: { oauth_client_id: client, value }, field: "n", atMs };
    }),
  ];
}

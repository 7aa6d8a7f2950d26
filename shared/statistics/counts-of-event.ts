import type { OAuthEvent } from "../events/oauth-event.ts";
import type { Count, RankedKind } from "./counter-keys.ts";
import { NO_CLIENT } from "./issuance.ts";

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
  // A character that the cut went through decodes as U+FFFD.
  return bytes
    .subarray(0, MAX_VALUE_BYTES)
    .toString("utf8")
    .replace(/\uFFFD+$/, "");
}

/** What a failed call is ranked by: its address and its endpoint, as far as the event has them. */
export function failureSubjects(event: Pick<OAuthEvent, "event_type" | "event_data">) {
  if (!isFailure(event.event_type)) return [];
  const of = (kind: RankedKind, value: unknown) =>
    typeof value === "string" && value !== "" ? [{ kind, value: cut(value) }] : [];
  return [
    ...of("failed_ips", event.event_data.ip),
    ...of("failed_endpoints", event.event_data.endpoint),
  ];
}

/** What an event counts: one of its type and client and, when it is a failure, of its subjects. */
export function countsOfEvent(event: OAuthEvent): Count[] {
  const client = event.oauth_client_id ?? NO_CLIENT;
  const atMs = Date.parse(event.occurred_at);
  return [
    { kind: "events", dimensions: [event.event_type, client], field: "n", atMs },
    ...failureSubjects(event).map(({ kind, value }): Count => {
      return { kind, subject: { oauth_client_id: client, value }, field: "n", atMs };
    }),
  ];
}

import { useId } from "preact/hooks";
import type { StoredEvent } from "../../../shared/audit-log/stored-event.ts";
import { formatMoment, formatType } from "./format.ts";
import type { Filters } from "./view.ts";

interface EventRowProps {
  readonly event: StoredEvent;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly onNarrow: (filters: Filters) => void;
}

/** Returns a string field of the event's data, or undefined if the field is absent or empty. */
function text(event: StoredEvent, name: string): string | undefined {
  const value = event.event_data[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Returns a one-line summary: the message, reason or scopes, and the request. */
function gist(event: StoredEvent): string {
  const required = event.event_data.required_scopes;
  return [
    text(event, "message"),
    text(event, "reason")?.replaceAll("_", " "),
    Array.isArray(required) && event.event_type === "scope_violation"
      ? `needs ${required.join(" ")}`
      : undefined,
    [text(event, "method"), text(event, "endpoint")].filter(Boolean).join(" "),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Returns the string and number members of an object in the event's data, as strings. */
function members(event: StoredEvent, name: string): Readonly<Record<string, string | undefined>> {
  const value = event.event_data[name];
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => typeof member === "string" || typeof member === "number")
      .map(([key, member]) => [key, String(member)]),
  );
}

/** Shows an event as a summary with expandable details. */
export function EventRow({ event, open, onToggle, onNarrow }: EventRowProps) {
  const detail = useId();
  const { country_iso_code: country, latitude, longitude } = members(event, "geo");
  const { number: asn, organization } = members(event, "autonomous_system");
  const networkType = text(event, "network_type");
  const subjects = [
    ["Client", "client_id", event.oauth_client_id],
    ["User", "user_id", event.user_id],
    ["Token", "token_id", text(event, "token_id")],
    ["IP address", "ip", text(event, "ip")],
    ["Country", "country", country],
    ["Network type", "network_type", networkType],
  ] as const;
  const [client, , , ip] = subjects;
  const location = [country, organization ?? (asn && `AS${asn}`), networkType]
    .filter(Boolean)
    .join(" · ");
  return (
    <li class={`event ${event.event_type}`} data-event={event.id}>
      <div class="line">
        <button
          type="button"
          class="toggle"
          aria-expanded={open}
          aria-controls={detail}
          aria-label={`${formatType(event.event_type)} at ${formatMoment(event.occurred_at)}, detail`}
          onClick={onToggle}
        >
          <span aria-hidden="true">{open ? "▾" : "▸"}</span>
        </button>
        <time dateTime={event.occurred_at} title={event.occurred_at}>
          {formatMoment(event.occurred_at)}
        </time>
        <span class="type">{formatType(event.event_type)}</span>
        <span class="who">
          {[client, ip].map(
            ([label, name, value]) =>
              value && (
                <button
                  type="button"
                  class="link"
                  key={name}
                  title={`Filter by ${label} ${value}`}
                  onClick={() => onNarrow({ [name]: value })}
                >
                  {value}
                </button>
              ),
          )}
          {location && <span class="muted enrichment">{location}</span>}
        </span>
        <span class="gist">{gist(event)}</span>
      </div>
      <div id={detail} class="detail" hidden={!open}>
        {open && (
          <>
            <dl class="facts">
              {subjects.map(
                ([label, name, value]) =>
                  value && (
                    <>
                      <dt>{label}</dt>
                      <dd>
                        <button
                          type="button"
                          class="link"
                          onClick={() => onNarrow({ [name]: value })}
                        >
                          {value}
                        </button>
                      </dd>
                    </>
                  ),
              )}
              {(organization || asn) && (
                <>
                  <dt>Network operator</dt>
                  <dd>
                    {organization}{" "}
                    {asn && (
                      <button type="button" class="link" onClick={() => onNarrow({ asn })}>
                        AS{asn}
                      </button>
                    )}
                  </dd>
                </>
              )}
              {latitude && longitude && (
                <>
                  <dt>Approximate location</dt>
                  <dd>
                    {latitude}°, {longitude}°
                  </dd>
                </>
              )}
              <dt>Occurred</dt>
              <dd>{event.occurred_at}</dd>
              <dt>Stored</dt>
              <dd>{event.created_at}</dd>
              <dt>Kept until</dt>
              <dd>{formatMoment(event.expires_at * 1000)}</dd>
              <dt>ID</dt>
              <dd>
                <code>{event.id}</code>
              </dd>
            </dl>
            <pre>{JSON.stringify(event.event_data, null, 2)}</pre>
          </>
        )}
      </div>
    </li>
  );
}

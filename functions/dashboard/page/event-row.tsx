import { useId } from "preact/hooks";
import type { StoredEvent } from "../../../shared/event-store/stored-event.ts";
import { formatMoment, formatType } from "./format.ts";
import type { Filters } from "./view.ts";

interface EventRowProps {
  readonly event: StoredEvent;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly onNarrow: (filters: Filters) => void;
}

/** A member of the event's data as text; undefined when it has none. */
function text(event: StoredEvent, name: string): string | undefined {
  const value = event.event_data[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What happened, in one line: the message, the reason or the scopes, and the request. */
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

/** One event: a summary, and every detail on demand. */
export function EventRow({ event, open, onToggle, onNarrow }: EventRowProps) {
  const detail = useId();
  const subjects = [
    ["Client", "client_id", event.oauth_client_id],
    ["User", "user_id", event.user_id],
    ["Token", "token_id", text(event, "token_id")],
    ["IP address", "ip", text(event, "ip")],
  ] as const;
  const [client, , , ip] = subjects;
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
                  title={`Narrow to ${label} ${value}`}
                  onClick={() => onNarrow({ [name]: value })}
                >
                  {value}
                </button>
              ),
          )}
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
              <dt>Occurred</dt>
              <dd>{event.occurred_at}</dd>
              <dt>Stored</dt>
              <dd>{event.created_at}</dd>
              <dt>Kept until</dt>
              <dd>{formatMoment(event.expires_at * 1000)}</dd>
              <dt>Id</dt>
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

import { useState } from "preact/hooks";
import type { StoredEvent } from "../../../shared/audit-log/stored-event.ts";
import { EventRow } from "./event-row.tsx";
import { formatType } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";
import type { Filters } from "./view.ts";

/** The events to show, and whether the audit log contains more. */
export interface EventList {
  readonly events: readonly StoredEvent[];
  readonly more: boolean;
}

interface EventsPanelProps {
  readonly list: Resource<EventList>;
  /** The events to list: `security`, `all`, or an event type. */
  readonly selection: string;
  /** The event types to choose from. */
  readonly types: readonly string[];
  readonly onSelect: (selection: string) => void;
  /** Loads the next events. */
  readonly onMore: () => void;
  readonly onNarrow: (filters: Filters) => void;
}

/** Lists the newest events with their details. Loads older ones on request. */
export function EventsPanel(props: EventsPanelProps) {
  const { list, selection, types, onSelect, onMore, onNarrow } = props;
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string) =>
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  const choices = [...new Set([...types, selection])].filter(
    (type) => type !== "security" && type !== "all",
  );
  return (
    <Panel
      title={selection === "security" ? "Security events" : "Events"}
      class="wide"
      resource={list}
      empty="No matching events in this range."
      isEmpty={({ events, more }) => events.length === 0 && !more}
      rows={{
        name: `events-${selection}`,
        of: ({ events }) => events.map((event) => ({ ...event })),
      }}
      actions={
        <label class="select">
          <span class="visually-hidden">Events to list</span>
          <select value={selection} onChange={(event) => onSelect(event.currentTarget.value)}>
            <option value="security">Security events</option>
            <option value="all">All events</option>
            {choices.map((type) => (
              <option key={type} value={type}>
                {formatType(type)}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {({ events, more }) => (
        <>
          <ul class="events">
            {events.map((event) => (
              <EventRow
                key={event.id}
                event={event}
                open={open.has(event.id)}
                onToggle={() => toggle(event.id)}
                onNarrow={onNarrow}
              />
            ))}
          </ul>
          {more && (
            <button type="button" class="more" onClick={onMore}>
              Show more
            </button>
          )}
        </>
      )}
    </Panel>
  );
}

import { useState } from "preact/hooks";
import { RECENT, type RecentName, type Span } from "./view.ts";

const NAMES: Readonly<Record<RecentName, string>> = {
  "1h": "1 hour",
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
};

interface RangePickerProps {
  readonly range: RecentName | Span;
  /** The current span, used as the initial value of a custom range. */
  readonly span: Span;
  readonly onChange: (range: RecentName | Span) => void;
}

/** Formats a time for `datetime-local`: local time without a zone. */
function toLocal(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

/** Selects a range that ends now, or a custom range. */
export function RangePicker({ range, span, onChange }: RangePickerProps) {
  const custom = typeof range === "object";
  const [open, setOpen] = useState(custom);
  const [from, setFrom] = useState(toLocal(span.fromMs));
  const [to, setTo] = useState(toLocal(span.toMs));
  const [error, setError] = useState<string>();

  const choose = (name: RecentName) => {
    setOpen(false);
    onChange(name);
  };
  const openForm = () => {
    setFrom(toLocal(span.fromMs));
    setTo(toLocal(span.toMs));
    setOpen(true);
  };
  const apply = (event: Event) => {
    event.preventDefault();
    const chosen = { fromMs: Date.parse(from), toMs: Date.parse(to) };
    const valid = chosen.fromMs < chosen.toMs;
    setError(valid ? undefined : "The start must be before the end.");
    if (valid) onChange(chosen);
  };

  return (
    <div class="range">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as one line */}
      <div class="segments" role="group" aria-label="Time range">
        {(Object.keys(RECENT) as RecentName[]).map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={!open && range === name}
            title={`Last ${NAMES[name]}`}
            onClick={() => choose(name)}
          >
            {name}
          </button>
        ))}
        <button type="button" aria-pressed={open} onClick={openForm}>
          Custom
        </button>
      </div>
      {open && (
        <form class="custom" onSubmit={apply}>
          <label>
            From
            <input
              type="datetime-local"
              required
              value={from}
              onInput={(event) => setFrom(event.currentTarget.value)}
            />
          </label>
          <label>
            To
            <input
              type="datetime-local"
              required
              value={to}
              onInput={(event) => setTo(event.currentTarget.value)}
            />
          </label>
          <button type="submit">Apply</button>
          <p class="error" role="alert">
            {error}
          </p>
        </form>
      )}
    </div>
  );
}

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Row } from "./export.ts";
import { ExportButtons } from "./export-buttons.tsx";
import type { Resource } from "./use-resource.ts";

interface PanelProps<T> {
  readonly title: string;
  readonly class?: string;
  readonly resource: Resource<T>;
  /** Text for an empty panel. */
  readonly empty: string;
  readonly isEmpty: (value: T) => boolean;
  /** Note that says which filters this panel ignores. */
  readonly note?: string | undefined;
  /** The rows of an export, and its file name. */
  readonly rows?: { readonly name: string; readonly of: (value: T) => readonly Row[] };
  readonly actions?: ComponentChildren;
  readonly children: (value: T) => ComponentChildren;
}

/**
 * A card that shows content or a loading, error or empty state. If a refresh fails, the card keeps the previous
 * content.
 */
export function Panel<T>(props: PanelProps<T>) {
  const { title, resource, empty, isEmpty, note, rows, actions, children } = props;
  const { value, error, loading } = resource;
  const heading = useId();
  const hasContent = value !== undefined && !isEmpty(value);
  return (
    <section
      class={`card panel ${props.class ?? ""}`}
      aria-labelledby={heading}
      aria-busy={loading && value === undefined}
    >
      <header>
        <h2 id={heading}>{title}</h2>
        {actions}
        {hasContent && rows && (
          <ExportButtons title={title} name={rows.name} rows={rows.of(value)} />
        )}
      </header>
      {note && <p class="note">{note}</p>}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {value === undefined && !error && <Skeleton />}
      {value !== undefined && !hasContent && <p class="empty">{empty}</p>}
      {hasContent && children(value)}
    </section>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">Loading …</span>
      <i />
      <i />
      <i />
    </div>
  );
}

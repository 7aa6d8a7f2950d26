import { useEffect, useState } from "preact/hooks";
import { FILTER_NAMES, type Filters } from "./view.ts";

const LABELS: Readonly<Record<(typeof FILTER_NAMES)[number], string>> = {
  client_id: "Client",
  user_id: "User",
  token_id: "Token",
  ip: "IP address",
  country: "Country",
  asn: "AS number",
  network_type: "Network type",
};

/** Suggested values by filter. */
const NETWORK_TYPES = ["hosting", "vpn", "proxy", "tor"];
const LISTS: Readonly<Partial<Record<(typeof FILTER_NAMES)[number], string>>> = {
  client_id: "clients",
  network_type: "network-types",
};

interface FilterBarProps {
  readonly filters: Filters;
  /** Client names by ID. */
  readonly clients: ReadonlyMap<string, string>;
  readonly onChange: (filters: Filters) => void;
}

/**
 * Filters the page by client, user, token or address. The list of events can also be filtered by country, network
 * operator or network type.
 */
export function FilterBar({ filters, clients, onChange }: FilterBarProps) {
  const [draft, setDraft] = useState(filters);
  useEffect(() => setDraft(filters), [filters]);
  const any = FILTER_NAMES.some((name) => filters[name] !== undefined);

  const apply = (event: Event) => {
    event.preventDefault();
    const entries = FILTER_NAMES.flatMap((name) => {
      const value = draft[name]?.trim();
      return value ? [[name, value] as const] : [];
    });
    onChange(Object.fromEntries(entries));
  };
  return (
    <form class="filters" aria-label="Filters" onSubmit={apply}>
      {FILTER_NAMES.map((name) => (
        <label key={name} class={filters[name] === undefined ? "" : "active"}>
          {LABELS[name]}
          <input
            type="search"
            placeholder="any"
            autocomplete="off"
            spellcheck={false}
            list={LISTS[name]}
            value={draft[name] ?? ""}
            onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
          />
        </label>
      ))}
      <datalist id="clients">
        {[...clients].map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      <datalist id="network-types">
        {NETWORK_TYPES.map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      <button type="submit">Apply</button>
      <button type="button" class="quiet" disabled={!any} onClick={() => onChange({})}>
        Clear
      </button>
    </form>
  );
}

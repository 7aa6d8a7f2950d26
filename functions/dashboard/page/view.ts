/** Ranges that end now: length in milliseconds by name. */
export const RECENT = {
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
} as const;

export type RecentName = keyof typeof RECENT;

/** A range in epoch milliseconds, [fromMs, toMs). */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The page's filters. They have the same names as the admin routes' parameters. */
export interface Filters {
  readonly client_id?: string;
  readonly user_id?: string;
  readonly token_id?: string;
  readonly ip?: string;
  readonly country?: string;
  readonly asn?: string;
  readonly network_type?: string;
}

/** Filters for both statistics and events. */
const SUBJECT_FILTERS = ["client_id", "user_id", "token_id", "ip"] as const;

/** Filters for the list of events only. */
export const ENRICHMENT_FILTERS = ["country", "asn", "network_type"] as const;

export const FILTER_NAMES = [...SUBJECT_FILTERS, ...ENRICHMENT_FILTERS] as const;

/** Returns the filters that apply to statistics. */
export function subjectFilters(filters: Filters): Filters {
  return Object.fromEntries(SUBJECT_FILTERS.map((name) => [name, filters[name]]));
}

/** The state in the URL, so that a link opens the same page for another administrator. */
export interface View {
  readonly range: RecentName | Span;
  readonly filters: Filters;
  /** The listed events: `security`, `all`, or an event type. */
  readonly events: string;
}

function readSpan(parameters: URLSearchParams): Span | undefined {
  const [fromMs, toMs] = ["from", "to"].map((name) => Date.parse(parameters.get(name) ?? ""));
  if (fromMs === undefined || toMs === undefined || !(fromMs < toMs)) return undefined;
  return { fromMs, toMs };
}

/** Parses a view from a query string. Invalid values are replaced by defaults. */
export function readView(search: string): View {
  const parameters = new URLSearchParams(search);
  const name = parameters.get("range") ?? "";
  const filters = Object.fromEntries(
    FILTER_NAMES.flatMap((filter) => {
      const value = parameters.get(filter)?.trim();
      return value ? [[filter, value]] : [];
    }),
  );
  const recent = Object.hasOwn(RECENT, name) ? (name as RecentName) : "24h";
  const events = parameters.get("events") ?? "";
  return {
    range: readSpan(parameters) ?? recent,
    filters,
    events: /^[a-z][a-z0-9_]{0,63}$/.test(events) ? events : "security",
  };
}

/** Returns the query string of a view, without default values. */
export function writeView({ range, filters, events }: View): string {
  const parameters = new URLSearchParams();
  if (typeof range === "object") {
    parameters.set("from", new Date(range.fromMs).toISOString());
    parameters.set("to", new Date(range.toMs).toISOString());
  } else if (range !== "24h") parameters.set("range", range);
  for (const name of FILTER_NAMES) if (filters[name]) parameters.set(name, filters[name]);
  if (events !== "security") parameters.set("events", events);
  const text = parameters.toString();
  return text && `?${text}`;
}

/** Returns the span of a view at a given time. */
export function getSpan(view: View, nowMs: number): Span {
  if (typeof view.range === "object") return view.range;
  return { fromMs: nowMs - RECENT[view.range], toMs: nowMs };
}

/** Returns the previous span of the same length. */
export function previousSpan({ fromMs, toMs }: Span): Span {
  return { fromMs: fromMs - (toMs - fromMs), toMs: fromMs };
}

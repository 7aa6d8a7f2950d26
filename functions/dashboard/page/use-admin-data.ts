import { useRef } from "preact/hooks";
import type { StoredEvent } from "../../../shared/audit-log/stored-event.ts";
import type { AdminApi } from "./admin-api.ts";
import type { EventList } from "./events-panel.tsx";
import { getSubject } from "./respond-panel.tsx";
import type { TokenLife } from "./token-card.tsx";
import type { Pulse } from "./use-pulse.ts";
import { useResource } from "./use-resource.ts";
import { previousSpan, type Span, subjectFilters, type View, writeView } from "./view.ts";

interface AdminDataOptions {
  readonly api: AdminApi;
  readonly view: View;
  readonly span: Span;
  readonly pulse: Pulse;
  /** Number of events to list. */
  readonly listed: number;
  readonly onSignedOut: (message: string) => void;
}

/** All data except the events is refreshed on every sixth beat, and immediately if the list of events changes. */
const SLOW = 6;

/** Maximum number of listed events. Use the CLI to export more. */
const MAX_LISTED = 1000;

/**
 * Maximum API calls per 20 events. If few events match the filters, a page of results can contain fewer than requested.
 */
const CALLS = 5;

async function listEvents(
  api: AdminApi,
  { events: selection, filters }: View,
  ends: { readonly from: string; readonly to: string },
  listed: number,
  signal: AbortSignal,
): Promise<EventList> {
  const events: StoredEvent[] = [];
  const maxEvents = Math.min(listed, MAX_LISTED);
  let cursor: string | undefined;
  for (let call = 0; call < (CALLS * maxEvents) / 20 && events.length < maxEvents; call += 1) {
    const parameters = { ...ends, ...filters, limit: maxEvents - events.length, cursor };
    const type = selection === "all" ? undefined : selection;
    const page =
      selection === "security"
        ? await api.get("security-events", parameters, signal)
        : await api.get("events", { ...parameters, type }, signal);
    events.push(...page.events);
    if (page.next_cursor === null) return { events, more: false };
    cursor = page.next_cursor;
  }
  return { events, more: maxEvents < MAX_LISTED };
}

/** Counts how often a value has changed while the key stayed the same. */
function useChanges(key: string, value: string | undefined): number {
  const latest = useRef({ key, value, changes: 0 });
  if (latest.current.key !== key) latest.current = { key, value: undefined, changes: 0 };
  const { current } = latest;
  if (value !== undefined && value !== current.value) {
    if (current.value !== undefined) current.changes += 1;
    current.value = value;
  }
  return current.changes;
}

/** Loads the page's data. Each part is loaded separately, so that a failure affects only that part. */
export function useAdminData({ api, view, span, pulse, listed, onSignedOut }: AdminDataOptions) {
  const { filters } = view;
  const { client_id, token_id } = filters;
  const ends = (of: Span) => ({
    from: new Date(of.fromMs).toISOString(),
    to: new Date(of.toMs).toISOString(),
  });
  const key = writeView({ ...view, events: "security" });
  const slowBeat = `${Math.floor(pulse.beat / SLOW)} ${pulse.manualRefreshes}`;
  const figures = token_id === undefined;

  const events = useResource(
    `${key} ${view.events}`,
    `${pulse.beat} ${listed}`,
    (signal) => listEvents(api, view, ends(span), listed, signal),
    onSignedOut,
  );
  const newest = events.value && (events.value.events[0]?.id ?? "none");
  const changeBeat = `${slowBeat} ${useChanges(`${key} ${view.events}`, newest)}`;
  const stats = useResource(
    key,
    changeBeat,
    figures ? (signal) => api.get("stats", { ...ends(span), client_id }, signal) : undefined,
    onSignedOut,
  );
  const previous = useResource(
    key,
    slowBeat,
    figures
      ? (signal) => {
          const before = previousSpan(span);
          // Requests the token statuses as of the end of the previous period, because all of that period's tokens may
          // have expired since.
          const asOf = new Date(pulse.nowMs - (span.toMs - span.fromMs)).toISOString();
          return api.get("stats", { ...ends(before), as_of: asOf, client_id }, signal);
        }
      : undefined,
    onSignedOut,
  );
  const token = useResource(
    key,
    changeBeat,
    figures
      ? undefined
      : async (signal): Promise<TokenLife> => {
          const last = (type?: string) =>
            api.get("events", { token_id, type, limit: 1 }, signal).then(({ events: [e] }) => e);
          const [issued, seen, revoked, latest] = await Promise.all([
            last("token_issued"),
            last("token_seen"),
            last("token_revoked"),
            last(),
          ]);
          return { issued: issued ?? seen, revoked, latest };
        },
    onSignedOut,
  );
  const activity = useResource(
    key,
    changeBeat,
    (signal) => api.get("activity", { ...ends(span), ...subjectFilters(filters) }, signal),
    onSignedOut,
  );
  const alerts = useResource(
    "alerts",
    changeBeat,
    (signal) => api.get("alerts", {}, signal).then(({ open, resolved }) => [...open, ...resolved]),
    onSignedOut,
  );
  const subject = getSubject(filters);
  const actions = useResource(
    JSON.stringify(subject ?? null),
    changeBeat,
    subject
      ? (signal) =>
          api
            .get("actions", { target_kind: subject.kind, target_id: subject.id }, signal)
            .then((answer) => answer.actions)
      : undefined,
    onSignedOut,
  );
  const proposals = useResource(
    "proposals",
    slowBeat,
    (signal) => api.get("actions", { state: "proposed" }, signal).then((answer) => answer.actions),
    onSignedOut,
  );
  const clients = useResource(
    "clients",
    slowBeat,
    (signal) => api.get("clients", {}, signal).then((answer) => answer.clients),
    onSignedOut,
  );
  const runs = useResource(
    "cleanup-runs",
    slowBeat,
    (signal) => api.get("cleanup-runs", {}, signal).then((answer) => answer.cleanup_runs),
    onSignedOut,
  );
  return { stats, previous, token, activity, alerts, actions, proposals, events, clients, runs };
}

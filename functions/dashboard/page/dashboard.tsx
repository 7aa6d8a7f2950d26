import { useEffect, useMemo, useState } from "preact/hooks";
import { ActivityChart } from "./activity-chart.tsx";
import type { AdminApi } from "./admin-api.ts";
import { AlertsPanel } from "./alerts-panel.tsx";
import { CleanupPanel } from "./cleanup-panel.tsx";
import { ClientsPanel } from "./clients-panel.tsx";
import { EventsPanel } from "./events-panel.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { formatMoment } from "./format.ts";
import { ProposalsPanel } from "./proposals-panel.tsx";
import { RangePicker } from "./range-picker.tsx";
import { getSubject, RespondPanel } from "./respond-panel.tsx";
import { Mark } from "./sign-in.tsx";
import { ThemePicker } from "./theme.tsx";
import { TokenCard } from "./token-card.tsx";
import { TokenFigures } from "./token-figures.tsx";
import { TopFailures } from "./top-failures.tsx";
import { useAdminData } from "./use-admin-data.ts";
import { BEAT_MS, usePulse } from "./use-pulse.ts";
import {
  ENRICHMENT_FILTERS,
  type Filters,
  getSpan,
  readView,
  type View,
  writeView,
} from "./view.ts";

/** Initial number of events, and the number that “Show more” adds. */
const PAGE = 20;

const TOKEN_TYPES = { token_used: "--used", token_issued: "--issued" };
const SECURITY_TYPES = {
  auth_failed: "--auth-failed",
  scope_violation: "--scope-violation",
  suspicious_activity: "--suspicious",
};
const KNOWN_TYPES = [
  ...Object.keys(SECURITY_TYPES),
  ...Object.keys(TOKEN_TYPES),
  "token_revoked",
  "scope_validation_success",
  "session_started",
  "session_ended",
];

/** Returns the view in the URL, and a function to change it. */
function useView(): [View, (change: Partial<View>) => void] {
  const [view, setView] = useState(() => readView(location.search));
  useEffect(() => {
    const back = () => setView(readView(location.search));
    window.addEventListener("popstate", back);
    return () => window.removeEventListener("popstate", back);
  }, []);
  const change = (part: Partial<View>) => {
    const next = { ...view, ...part };
    history.pushState(null, "", `${location.pathname}${writeView(next)}`);
    setView(next);
  };
  return [view, change];
}

interface DashboardProps {
  readonly api: AdminApi;
  /** @param message why the session ended, unless the administrator signed out */
  readonly onSignOut: (message?: string) => void;
}

/** The dashboard for one range and one set of filters. */
export function Dashboard({ api, onSignOut }: DashboardProps) {
  const [view, change] = useView();
  const [live, setLive] = useState(true);
  const [listed, setListed] = useState(PAGE);
  const pulse = usePulse(live);
  const { filters } = view;
  const subject = getSubject(filters);
  const span = getSpan(view, pulse.nowMs);
  const data = useAdminData({ api, view, span, pulse, listed, onSignedOut: onSignOut });

  const names = useMemo(
    () =>
      new Map(
        data.clients.value?.map(({ oauth_client_id, client_name }) => [
          oauth_client_id,
          client_name,
        ]),
      ),
    [data.clients.value],
  );
  const types = useMemo(() => {
    const seenTypes =
      data.activity.value?.buckets.flatMap(({ events }) => Object.keys(events)) ?? [];
    return [...new Set([...KNOWN_TYPES, ...seenTypes])];
  }, [data.activity.value]);

  const move = (part: Partial<View>) => {
    setListed(PAGE);
    change(part);
    pulse.refresh();
  };
  const narrow = (more: Filters) => move({ filters: { ...filters, ...more } });
  const unnarrowed = [filters.user_id && "user", filters.ip && "address"].filter(Boolean);
  const onlyEvents = ENRICHMENT_FILTERS.some((name) => filters[name] !== undefined);
  const status = !pulse.online
    ? "Offline: showing the latest data"
    : live
      ? `Live, every ${BEAT_MS / 1000} s`
      : "Paused";
  const at = data.stats.value?.computed_at ?? data.activity.value?.computed_at;

  return (
    <>
      <header class="top-bar">
        <h1>
          <Mark /> OAuth monitoring
        </h1>
        <RangePicker
          key={writeView({ ...view, filters: {}, events: "security" })}
          range={view.range}
          span={span}
          onChange={(range) => move({ range })}
        />
        <div class="controls">
          <p class={`live ${pulse.online && live ? "on" : "off"}`} role="status">
            {status}
          </p>
          <button type="button" aria-pressed={!live} onClick={() => setLive(!live)}>
            {live ? "Pause" : "Resume"}
          </button>
          <button type="button" onClick={pulse.refresh}>
            Refresh
          </button>
          <ThemePicker />
          <button type="button" class="quiet" onClick={() => onSignOut()}>
            Sign out
          </button>
        </div>
      </header>
      <main>
        <FilterBar
          filters={filters}
          clients={names}
          onChange={(changed) => move({ filters: changed })}
        />
        {onlyEvents && (
          <p class="note">Country and network filters apply only to the list of events.</p>
        )}
        {filters.token_id === undefined ? (
          <>
            {unnarrowed.length > 0 && (
              <p class="note">Token figures ignore filters by {unnarrowed.join(" or ")}.</p>
            )}
            <TokenFigures stats={data.stats} previous={data.previous} span={span} />
          </>
        ) : (
          <TokenCard tokenId={filters.token_id} life={data.token} nowMs={pulse.nowMs} />
        )}
        {subject && (
          <RespondPanel api={api} subject={subject} actions={data.actions} onDone={pulse.refresh} />
        )}
        <ProposalsPanel api={api} proposals={data.proposals} onDone={pulse.refresh} />
        <AlertsPanel
          api={api}
          onReviewed={pulse.refresh}
          alerts={data.alerts}
          filters={filters}
          span={span}
          nowMs={pulse.nowMs}
          onNarrow={narrow}
        />
        <div class="grid two">
          <ActivityChart
            title="Tokens over time"
            name="tokens-over-time"
            types={TOKEN_TYPES}
            kind="lines"
            activity={data.activity}
            empty="No tokens were issued or used in this range."
          />
          <ActivityChart
            title="Security events over time"
            name="security-events-over-time"
            types={SECURITY_TYPES}
            kind="stacked-bars"
            activity={data.activity}
            empty="No security events in this range."
          />
        </div>
        <div class="grid three">
          <TopFailures
            title="Failures by client"
            subject="by_client"
            activity={data.activity}
            show={(id) =>
              id === "(none)" ? (
                <span class="muted">unknown client</span>
              ) : (
                <button type="button" class="link" onClick={() => narrow({ client_id: id })}>
                  {names.get(id) ?? id}
                </button>
              )
            }
          />
          <TopFailures
            title="Failures by IP address"
            subject="by_ip"
            activity={data.activity}
            show={(ip) => (
              <button type="button" class="link" onClick={() => narrow({ ip })}>
                {ip}
              </button>
            )}
          />
          <TopFailures
            title="Failures by endpoint"
            subject="by_endpoint"
            activity={data.activity}
            show={(endpoint) => endpoint}
          />
        </div>
        <EventsPanel
          list={data.events}
          selection={view.events}
          types={types}
          onSelect={(events) => move({ events })}
          onMore={() => setListed(listed + PAGE)}
          onNarrow={narrow}
        />
        <div class="grid two">
          <ClientsPanel
            clients={data.clients}
            nowMs={pulse.nowMs}
            only={filters.client_id}
            onNarrow={(client_id) => narrow({ client_id })}
          />
          <CleanupPanel runs={data.runs} nowMs={pulse.nowMs} />
        </div>
      </main>
      <footer class="muted">
        {at && <>As of {formatMoment(at)}. </>}
        Times are in {Intl.DateTimeFormat().resolvedOptions().timeZone}.
      </footer>
    </>
  );
}

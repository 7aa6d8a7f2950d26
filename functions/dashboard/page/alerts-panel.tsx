import type { Alert } from "../../../shared/detection/alert.ts";
import type { AdminApi, ReviewedAlert } from "./admin-api.ts";
import { AlertReview } from "./alert-review.tsx";
import { formatAgo, formatMoment, formatType } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";
import type { Filters, Span } from "./view.ts";

interface AlertsPanelProps {
  /** The alerts, open ones first. */
  readonly alerts: Resource<readonly ReviewedAlert[]>;
  readonly api: AdminApi;
  /** Called after an alert was reviewed. */
  readonly onReviewed: () => void;
  readonly filters: Filters;
  readonly span: Span;
  readonly nowMs: number;
  readonly onNarrow: (filters: Filters) => void;
}

/** Filter by kind of subject. The page can't filter by network or by reason, which many clients share. */
const FILTERS_BY_KIND = {
  client: "client_id",
  ip: "ip",
  token: "token_id",
  user: "user_id",
  network: undefined,
  reason: undefined,
} as const;

const byRisk = (a: Alert, b: Alert) =>
  Number(b.state === "open") - Number(a.state === "open") || b.score - a.score;

/** Whether an alert was open in the span and matches the filters. */
function concerns(
  alert: Alert,
  { client_id, ip, token_id, user_id }: Filters,
  span: Span,
): boolean {
  const { subject } = alert;
  const is = (kind: Alert["subject"]["kind"], id: string | undefined) =>
    id === undefined ||
    (subject.kind === kind && subject.id === id) ||
    alert.involved.includes(`${kind} ${id}`);
  const client = client_id === undefined || alert.oauth_client_id === client_id;
  const endTime = alert.resolved_at ?? alert.last_seen_at;
  const within = Date.parse(alert.opened_at) < span.toMs && Date.parse(endTime) >= span.fromMs;
  return within && client && is("ip", ip) && is("token", token_id) && is("user", user_id);
}

/** Lists the findings of an alert, oldest first. */
function Timeline({ findings, nowMs }: Pick<Alert, "findings"> & { readonly nowMs: number }) {
  return (
    <details class="incident">
      <summary>{findings.length} findings</summary>
      <ol>
        {findings.map(({ rule, subject, message, first_seen_at }) => (
          <li key={`${rule} ${subject.kind} ${subject.id}`}>
            <time dateTime={first_seen_at} title={formatMoment(first_seen_at)}>
              {formatAgo(first_seen_at, nowMs)}
            </time>{" "}
            {formatType(rule)}: {message}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** Lists alerts with advice, highest risk first. */
export function AlertsPanel(props: AlertsPanelProps) {
  const { alerts, api, filters, span, nowMs, onNarrow, onReviewed } = props;
  const visible = alerts.value?.filter((alert) => concerns(alert, filters, span)).sort(byRisk);
  return (
    <Panel
      title="Alerts"
      class="wide"
      resource={{ ...alerts, value: visible }}
      empty="No alerts in this range."
      isEmpty={(list) => list.length === 0}
      rows={{ name: "alerts", of: (list) => list.map((alert) => ({ ...alert })) }}
    >
      {(list) => (
        <ul class="alerts">
          {list.map((alert) => (
            <li key={alert.alert_id} class={alert.state}>
              <span class="state">{formatType(alert.state)}</span>
              <span class={`risk ${alert.risk}`} title={`Score ${alert.score} of 100`}>
                {formatType(alert.risk)}
              </span>
              <span>{formatType(alert.rule)}</span>
              <span class="message">
                {alert.subject.id === "(none)" ||
                FILTERS_BY_KIND[alert.subject.kind] === undefined ? (
                  // The page can't filter by an unknown client, a reason or a network.
                  alert.message
                ) : (
                  <button
                    type="button"
                    class="link"
                    title={`Filter by ${alert.subject.kind} ${alert.subject.id}`}
                    onClick={() =>
                      onNarrow({
                        [FILTERS_BY_KIND[alert.subject.kind] ?? "client_id"]: alert.subject.id,
                      })
                    }
                  >
                    {alert.message}
                  </button>
                )}
              </span>
              <time dateTime={alert.opened_at} title={formatMoment(alert.opened_at)}>
                {formatAgo(alert.opened_at, nowMs)}
              </time>
              {alert.findings.length > 1 && <Timeline findings={alert.findings} nowMs={nowMs} />}
              {alert.state === "open" && <span class="advice muted">{alert.advice}</span>}
              <AlertReview api={api} alert={alert} onDone={onReviewed} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

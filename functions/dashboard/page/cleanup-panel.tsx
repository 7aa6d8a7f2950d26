import type { CleanupRun } from "../../../shared/cleanup/cleanup-runs.ts";
import { formatAgo, formatMoment, formatNumber } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";

interface CleanupPanelProps {
  readonly runs: Resource<readonly CleanupRun[]>;
  readonly nowMs: number;
}

const STATUS: Readonly<Record<CleanupRun["status"], string>> = {
  running: "Running, or killed before it finished",
  finished: "Finished: everything expired was removed",
  stopped: "Stopped at its deadline; the next run continues",
  failed: "Failed",
};

const KINDS = [
  ["access_tokens", "Tokens"],
  ["authorization_codes", "Codes"],
  ["sessions", "Sessions"],
  ["events", "Events"],
] as const;

/** Shows the latest cleanup run: its time, what it removed, and whether it finished. */
export function CleanupPanel({ runs, nowMs }: CleanupPanelProps) {
  return (
    <Panel
      title="Latest cleanup"
      resource={runs}
      empty="No cleanup has run yet. A cleanup runs every hour."
      isEmpty={(list) => list.length === 0}
      rows={{
        name: "cleanup-runs",
        of: (list) => list.map(({ removed, ...run }) => ({ ...run, ...removed })),
      }}
    >
      {([run]) =>
        run && (
          <>
            <p class={`status ${run.status}`}>
              {STATUS[run.status]}
              {run.error && `: ${run.error}`}
            </p>
            <p>
              <time dateTime={run.started_at} title={run.started_at}>
                {formatMoment(run.started_at)}
              </time>{" "}
              <span class="muted">
                {formatAgo(run.started_at, nowMs)}, took {formatNumber(run.duration_ms)} ms
              </span>
            </p>
            <dl class="removed">
              {KINDS.map(([kind, label]) => (
                <div key={kind}>
                  <dt>{label}</dt>
                  <dd>{formatNumber(run.removed[kind])}</dd>
                </div>
              ))}
            </dl>
          </>
        )
      }
    </Panel>
  );
}

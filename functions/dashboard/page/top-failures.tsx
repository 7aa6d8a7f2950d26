import type { ComponentChildren } from "preact";
import type { Activity, ValueCount } from "../../../shared/statistics/activity.ts";
import { formatNumber } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";

interface TopFailuresProps {
  readonly title: string;
  readonly subject: "by_client" | "by_ip" | "by_endpoint";
  readonly activity: Resource<Activity>;
  /** Renders a value as text, or as a button that sets a filter. */
  readonly show: (value: string) => ComponentChildren;
}

/** Lists the values with the most `auth_failed` and `scope_violation` events, and each value's share. */
export function TopFailures({ title, subject, activity, show }: TopFailuresProps) {
  const share = ({ count }: ValueCount, total: number) => Math.round((count / total) * 100);
  return (
    <Panel
      title={title}
      resource={activity}
      empty="No failures."
      isEmpty={({ failures }) => failures[subject].length === 0}
      rows={{
        name: `failures-${subject.replace("_", "-")}`,
        of: ({ failures }) => failures[subject].map((row) => ({ ...row })),
      }}
    >
      {({ failures }) => (
        <ol class="top">
          {failures[subject].map((row) => (
            <li key={row.value}>
              <span class="value">{show(row.value)}</span>
              <span class="count">{formatNumber(row.count)}</span>
              <meter
                min={0}
                max={failures.total}
                value={row.count}
                aria-label={`${share(row, failures.total)}% of the failures`}
              />
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

import { useMemo } from "preact/hooks";
import type { Activity } from "../../../shared/statistics/activity.ts";
import { formatMinute, formatType } from "./format.ts";
import { Panel } from "./panel.tsx";
import { TimeChart } from "./time-chart.tsx";
import type { Resource } from "./use-resource.ts";

interface ActivityChartProps {
  readonly title: string;
  /** The event types to show, each with the CSS variable of its colour. */
  readonly types: Readonly<Record<string, string>>;
  readonly kind: "stacked-bars" | "lines";
  readonly activity: Resource<Activity>;
  readonly empty: string;
  /** File name of exports. */
  readonly name: string;
}

const LABELS: Readonly<Record<string, string>> = {
  token_issued: "Issued",
  token_used: "Used",
};

/** Charts the number of events of some types over time. */
export function ActivityChart(props: ActivityChartProps) {
  const { title, types, kind, activity, empty, name } = props;
  const names = Object.keys(types);
  const { value } = activity;
  const chart = useMemo(() => {
    if (!value) return undefined;
    return {
      startsSeconds: value.buckets.map(({ start }) => Date.parse(start) / 1000),
      series: names.map((type) => ({
        label: LABELS[type] ?? formatType(type),
        color: types[type] ?? "--muted",
        values: value.buckets.map(({ events }) => events[type] ?? 0),
      })),
    };
  }, [value]);
  return (
    <Panel
      title={title}
      resource={activity}
      empty={empty}
      isEmpty={({ buckets }) =>
        !buckets.some(({ events }) => names.some((type) => (events[type] ?? 0) > 0))
      }
      note={
        value && !value.complete
          ? `There are too many events to show. The chart starts at ${formatMinute(value.from)}.`
          : undefined
      }
      rows={{
        name,
        of: ({ buckets }) =>
          buckets.map(({ start, events }) => ({
            start,
            ...Object.fromEntries(
              names.map((type) => [type, Object.hasOwn(events, type) ? events[type] : 0]),
            ),
          })),
      }}
    >
      {({ bucket_seconds }) =>
        chart && <TimeChart label={title} bucketSeconds={bucket_seconds} kind={kind} {...chart} />
      }
    </Panel>
  );
}

import type { Duration } from "aws-cdk-lib";
import { type IMetric, MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { TABLES } from "../../shared/core/tables.ts";
import type { Data, TableVariable } from "./data.ts";

/** An alarm takes at most ten metrics, and its rate needs one more than the throttles. */
const METRICS_PER_ALARM = 9;

/** The sum of the throttled requests of some tables and indexes. */
export interface ThrottleSum {
  /** Tables and indexes by name: `EVENTS_TABLE`, `EVENTS_TABLE.by_time`. */
  readonly names: readonly string[];
  readonly metric: IMetric;
}

/**
 * Throttled reads or writes of all tables and their indexes, in sums that fit an alarm. An index has a
 * metric of its own: a write that an index throttles does not show in the table's metric.
 */
export function tableThrottles(
  { tables }: Data,
  metricName: "ReadThrottleEvents" | "WriteThrottleEvents",
  period: Duration,
): ThrottleSum[] {
  const options = { period, statistic: "Sum" };
  const all = (Object.keys(TABLES) as TableVariable[]).flatMap((variable) => {
    const table = tables[variable];
    const indexes = Object.keys(TABLES[variable].indexes).map((GlobalSecondaryIndexName) => ({
      name: `${variable}.${GlobalSecondaryIndexName}`,
      metric: table.metric(metricName, {
        ...options,
        dimensionsMap: { TableName: table.tableName, GlobalSecondaryIndexName },
      }),
    }));
    return [{ name: variable, metric: table.metric(metricName, options) }, ...indexes];
  });
  const sums: ThrottleSum[] = [];
  for (let start = 0; start < all.length; start += METRICS_PER_ALARM) {
    const some = all.slice(start, start + METRICS_PER_ALARM);
    // One graph may show several sums, and its metrics must have different ids.
    const ids = some.map((_, index) => `${metricName.charAt(0).toLowerCase()}${start + index}`);
    sums.push({
      names: some.map(({ name }) => name),
      metric: new MathExpression({
        // DynamoDB sends no zeros, and an alarm on its metrics keeps its state while data is missing.
        expression: `SUM([${ids.map((id) => `FILL(${id}, 0)`).join(", ")}])`,
        usingMetrics: Object.fromEntries(some.map(({ metric }, index) => [ids[index], metric])),
        label: metricName,
        period,
      }),
    });
  }
  return sums;
}

import type { Duration } from "aws-cdk-lib";
import { type IMetric, MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { TABLES } from "../../shared/core/tables.ts";
import type { Data, TableVariable } from "./data.ts";

/** An alarm supports ten metrics, one of which is needed for the rate. */
const METRICS_PER_ALARM = 9;

/** The throttled requests of several tables and indexes. */
export interface ThrottleSum {
  /** Names of tables and indexes, such as `EVENTS_TABLE` and `EVENTS_TABLE.by_time`. */
  readonly names: readonly string[];
  readonly metric: IMetric;
}

/**
 * Returns the throttled reads or writes of all tables and indexes, grouped into sums that are each small enough for one
 * alarm. Includes a metric per index, because a table's metric doesn't count writes that an index throttles.
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
    // A graph can show several sums, so IDs must be unique across all of them.
    const ids = some.map((_, index) => `${metricName.charAt(0).toLowerCase()}${start + index}`);
    sums.push({
      names: some.map(({ name }) => name),
      metric: new MathExpression({
        // DynamoDB sends no zeros. Without FILL, an alarm would keep its state while data is missing.
        expression: `SUM([${ids.map((id) => `FILL(${id}, 0)`).join(", ")}])`,
        usingMetrics: Object.fromEntries(some.map(({ metric }, index) => [ids[index], metric])),
        label: metricName,
        period,
      }),
    });
  }
  return sums;
}

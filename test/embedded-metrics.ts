import * as z from "zod";

const name = z.string().min(1);

/**
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const emfSchema = z.looseObject({
  _aws: z.strictObject({
    Timestamp: z.int().min(Date.parse("2020-01-01T00:00:00Z")),
    CloudWatchMetrics: z
      .array(
        z.strictObject({
          Namespace: name.max(1024),
          Dimensions: z.array(z.array(name.max(250)).max(30)).min(1),
          Metrics: z
            .array(
              z.strictObject({
                Name: name.max(1024),
                Unit: z.enum(["Count", "Milliseconds"]),
              }),
            )
            .min(1)
            .max(100),
        }),
      )
      .length(1),
  }),
});

/** A log line with metrics. */
export interface MetricLine {
  readonly namespace: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly units: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, number[]>>;
}

/**
 * Parses a line as CloudWatch does. CloudWatch silently drops invalid metrics, but this function throws.
 *
 * @throws ZodError when the line violates the format
 */
export function parseMetricLine(line: string): MetricLine {
  const { _aws, ...root } = emfSchema.parse(JSON.parse(line));
  const [directive] = _aws.CloudWatchMetrics;
  const { Namespace, Dimensions, Metrics } = directive as NonNullable<typeof directive>;
  const keys = Dimensions.flat();
  const targets = z.strictObject({
    ...Object.fromEntries(keys.map((key) => [key, name.max(1024)])),
    ...Object.fromEntries(
      Metrics.map(({ Name }) => [Name, z.union([z.number(), z.array(z.number()).max(100)])]),
    ),
  });
  const members = targets.parse(root) as Record<string, string | number | number[]>;
  return {
    namespace: Namespace,
    dimensions: Object.fromEntries(keys.map((key) => [key, members[key] as string])),
    units: Object.fromEntries(Metrics.map(({ Name, Unit }) => [Name, Unit])),
    values: Object.fromEntries(
      Metrics.map(({ Name }) => [Name, [members[Name] as number | number[]].flat()]),
    ),
  };
}

/** Returns all values of a metric in the given lines. */
export function getValues(lines: readonly MetricLine[], metric: string): number[] {
  return lines.flatMap(({ values }) => values[metric] ?? []);
}

/** Returns the sum that CloudWatch would show for a metric. */
export function computeSum(lines: readonly MetricLine[], metric: string): number {
  return getValues(lines, metric).reduce((sum, value) => sum + value, 0);
}

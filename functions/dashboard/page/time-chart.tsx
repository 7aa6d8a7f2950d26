import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatCompact, formatDay, formatMinute, formatNumber, formatTime } from "./format.ts";

/** A data series with its name, CSS colour variable, and one value for each bucket. */
interface ChartSeries {
  readonly label: string;
  readonly color: string;
  readonly values: readonly number[];
}

interface TimeChartProps {
  /** Accessible description of the chart. */
  readonly label: string;
  /** Bucket start times in epoch seconds. */
  readonly startsSeconds: readonly number[];
  readonly bucketSeconds: number;
  readonly series: readonly ChartSeries[];
  /** Stacked bars or separate lines. */
  readonly kind: "stacked-bars" | "lines";
}

const HEIGHT = 200;

/** Resolves a CSS variable to a colour in the current theme, because a canvas can't use variables. */
function cssColor(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Adds the values of all previous series to each series. */
function stack(series: readonly ChartSeries[]): number[][] {
  const sums: number[][] = [];
  for (const { values } of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, index) => value + (below?.[index] ?? 0)));
  }
  return sums;
}

/**
 * Returns the data for uPlot. The tallest stacked bar comes first, because uPlot draws later series over earlier ones.
 */
function toData({ startsSeconds, series, kind }: TimeChartProps): uPlot.AlignedData {
  const values =
    kind === "lines" ? series.map((line) => [...line.values]) : stack(series).reverse();
  return [[...startsSeconds], ...values];
}

function options(props: TimeChartProps, width: number, onCursor: (index: number | null) => void) {
  const { series, kind, bucketSeconds } = props;
  const ordered = kind === "lines" ? series : [...series].reverse();
  const axis = {
    stroke: cssColor("--muted"),
    grid: { stroke: cssColor("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const bars = uPlot.paths.bars?.({ size: [0.8, 48], align: 1 });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { show: kind === "lines" }, drag: { x: false, y: false } },
    scales: {
      x: {
        time: true,
        // Makes the last bucket as wide as the others.
        range: (_: uPlot, min: number, max: number): uPlot.Range.MinMax => [
          min,
          kind === "lines" ? Math.max(max, min + bucketSeconds) : max + bucketSeconds,
        ],
      },
      y: {
        range: (_: uPlot, __: number, max: number): uPlot.Range.MinMax => [
          0,
          Math.max(4, max * 1.1),
        ],
      },
    },
    axes: [
      {
        ...axis,
        space: 64,
        values: (_: uPlot, splits: number[]) =>
          splits.map((seconds) => {
            const at = new Date(seconds * 1000);
            const midnight = at.getHours() === 0 && at.getMinutes() === 0;
            return midnight ? formatDay(seconds * 1000) : formatTime(seconds * 1000);
          }),
      },
      {
        ...axis,
        size: 44,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
        values: (_: uPlot, splits: number[]) => splits.map(formatCompact),
      },
    ],
    series: [
      {},
      ...ordered.map(({ label, color }) => {
        const stroke = cssColor(color);
        return kind === "lines"
          ? {
              label,
              stroke,
              width: 2,
              fill: `color-mix(in srgb, ${stroke} 12%, transparent)`,
              points: { show: false },
            }
          : {
              label,
              stroke,
              fill: stroke,
              width: 0,
              ...(bars && { paths: bars }),
              points: { show: false },
            };
      }),
    ],
    hooks: { setCursor: [(plot: uPlot) => onCursor(plot.cursor.idx ?? null)] },
  } satisfies uPlot.Options;
}

/** Shows a time series chart with its legend, and the same data as a table. */
export function TimeChart(props: TimeChartProps) {
  const { label, startsSeconds, bucketSeconds, series } = props;
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const shape = `${bucketSeconds} ${series.map((line) => line.label).join()}`;

  useEffect(() => {
    const element = container.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      const chartOptions = options(latest.current, element.clientWidth, setCursor);
      plot.current = new uPlot(chartOptions, toData(latest.current), element);
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    document.documentElement.addEventListener("themechange", draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", draw);
      document.documentElement.removeEventListener("themechange", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(toData(props)), [startsSeconds, series]);

  const startSeconds = cursor === null ? undefined : startsSeconds[cursor];
  const valueAtCursor = (values: readonly number[]) =>
    cursor === null ? values.reduce((sum, value) => sum + value, 0) : (values[cursor] ?? 0);
  const busy = startsSeconds
    .map((start, index) => ({ start, numbers: series.map(({ values }) => values[index] ?? 0) }))
    .filter(({ numbers }) => numbers.some((number) => number > 0));
  return (
    <figure class="chart">
      <figcaption class="key">
        {series.map(({ label: name, color, values }) => (
          <span key={name}>
            <i style={{ background: `var(${color})` }} /> {name}{" "}
            <b>{formatNumber(valueAtCursor(values))}</b>
          </span>
        ))}
        <span class="muted when">
          {startSeconds === undefined ? "in total" : `from ${formatMinute(startSeconds * 1000)}`}
        </span>
      </figcaption>
      <div ref={container} class="plot" role="img" aria-label={label} />
      <details>
        <summary>As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <section class="scroll" tabIndex={0} aria-label={`${label}, as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                {series.map(({ label: name }) => (
                  <th scope="col" class="count" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {busy.map(({ start, numbers }) => (
                <tr key={start}>
                  <th scope="row">{formatMinute(start * 1000)}</th>
                  {numbers.map((number, index) => (
                    <td class="count" key={series[index]?.label}>
                      {formatNumber(number)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}

import { parseInput } from "../../shared/core/errors.ts";
import {
  rangeParametersSchema,
  resolveRange,
  type TimeRange,
} from "../../shared/core/time-range.ts";
import type { Target } from "../../shared/stack/open-stack.ts";

export interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

/** Returns the selected range and its title. The default is the last 24 hours. */
export function rangeOf(
  target: Target,
  options: RangeOptions,
): { range: TimeRange; title: string } {
  const { from, to } = options;
  const parameters = parseInput(rangeParametersSchema, "the options", { from, to });
  const range = resolveRange(parameters, target.clock(), target.config.retention.statisticsDays);
  if (from === undefined && to === undefined) return { range, title: "Last 24 hours" };
  const instant = (ms: number) => new Date(ms).toISOString();
  return { range, title: `${instant(range.fromMs)} to ${instant(range.toMs)}` };
}

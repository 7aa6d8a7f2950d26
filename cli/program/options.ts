import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import * as z from "zod";
import { parseInput } from "../../shared/core/errors.ts";
import {
  rangeParametersSchema,
  resolveRange,
  type TimeRange,
} from "../../shared/core/time-range.ts";
import type { Actor } from "../../shared/response/action.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { UsageError } from "./report-command.ts";

/** A number of days in the past or future. */
export const daysSchema = z.coerce.number().positive().max(366);

/** An API's calls per second. */
export const callRateSchema = z.coerce.number().min(0.001).max(1_000_000);

/** @throws InvalidInputError with one entry for each invalid option */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  return parseInput(schema, "the options", options);
}

export interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

/** Returns the selected range and its title. The default is the last 24 hours. */
export function toRange(
  target: Target,
  { from, to }: RangeOptions,
): { range: TimeRange; title: string } {
  const parameters = parseOptions(rangeParametersSchema, { from, to });
  const range = resolveRange(parameters, target.clock(), target.config.retention.statisticsDays);
  if (from === undefined && to === undefined) return { range, title: "Last 24 hours" };
  const instant = (ms: number) => new Date(ms).toISOString();
  return { range, title: `${instant(range.fromMs)} to ${instant(range.toMs)}` };
}

/** Returns the actor: the value of `--as`, or the user who is logged in on this machine. */
export function toActor(as: string | undefined): Actor {
  return { kind: "administrator", id: as ?? userInfo().username };
}

/** Splits space-separated scopes. */
export const parseScopes = (text: string): string[] => text.split(" ").filter(Boolean);

/** @throws UsageError if the file can't be read */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === "ENOENT" ? `the file ${file} does not exist` : `${file} cannot be read: ${code}`,
    );
  }
}

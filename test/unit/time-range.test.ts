import { describe, expect, it } from "vitest";
import { DAY_MS, toEpochSeconds, toInstant } from "../../shared/core/clock.ts";
import {
  InvalidRangeError,
  rangeParametersSchema,
  resolveRange,
} from "../../shared/core/time-range.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

const range = (parameters: { from?: string; to?: string }) =>
  resolveRange(rangeParametersSchema.parse(parameters), NOW, 90);

describe("resolveRange", () => {
  it("defaults to the last 24 hours, or to the 24 hours before a given end", () => {
    expect(range({})).toEqual({ fromMs: NOW - DAY_MS, toMs: NOW });
    const to = toInstant(NOW - 5 * DAY_MS);
    expect(range({ to })).toEqual({ fromMs: NOW - 6 * DAY_MS, toMs: NOW - 5 * DAY_MS });
    const from = toInstant(NOW - 7 * DAY_MS);
    expect(range({ from, to })).toEqual({ fromMs: NOW - 7 * DAY_MS, toMs: NOW - 5 * DAY_MS });
  });

  it("requires a start before the end and within the retention period, and an end at most a year from now", () => {
    const rejected = (from: number, to: number) =>
      expect(() => range({ from: toInstant(from), to: toInstant(to) })).toThrow(InvalidRangeError);
    rejected(NOW, NOW);
    expect(range({ from: toInstant(NOW - 1) }).fromMs).toBe(NOW - 1);
    rejected(NOW - 90 * DAY_MS - 1, NOW);
    expect(range({ from: toInstant(NOW - 90 * DAY_MS) }).fromMs).toBe(NOW - 90 * DAY_MS);
    rejected(NOW, NOW + 366 * DAY_MS + 1);
    expect(range({ from: toInstant(NOW), to: toInstant(NOW + 366 * DAY_MS) }).fromMs).toBe(NOW);
  });
});

it("toEpochSeconds rounds up to whole seconds", () => {
  expect([1000, 1001, 1999, 2000].map(toEpochSeconds)).toEqual([1, 2, 2, 2]);
});

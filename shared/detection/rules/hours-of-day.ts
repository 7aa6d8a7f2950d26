import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";

/** Minimum age of events that count towards habits. One night of activity isn't a habit. */
const HABIT_AFTER_MS = 12 * HOUR_MS;

const dayOf = (atMs: number) => Math.floor(atMs / DAY_MS);
const hourOf = (atMs: number) => new Date(atMs).getUTCHours();
const isWeekend = (atMs: number) => [0, 6].includes(new Date(atMs).getUTCDay());

/** The hours at which a principal is active on weekdays or weekends, and the number of such days. */
export interface ActiveHours {
  readonly kind: "weekdays" | "weekends";
  /** Hours of the day, UTC, in ascending order. */
  readonly hours: readonly number[];
  readonly days: number;
  readonly events: number;
  /** The longest part of the day without activity: the hour at which it starts, and its length in hours. */
  readonly quietFrom: number;
  readonly quietHours: number;
}

/** Returns the longest gap between two active hours, which may span midnight. */
function longestQuiet(hours: readonly number[]): Pick<ActiveHours, "quietFrom" | "quietHours"> {
  const gaps = hours.map((hour, n) => {
    const next = hours[n + 1] ?? (hours[0] ?? 0) + 24;
    return { quietFrom: (hour + 1) % 24, quietHours: next - hour - 1 };
  });
  const [longest] = gaps.sort((a, b) => b.quietHours - a.quietHours);
  return longest ?? { quietFrom: 0, quietHours: 0 };
}

/** Returns the hours at which a principal is active on the same kind of day as `nowMs`: weekdays or weekends. */
export function activeHours(events: readonly SeenEvent[], nowMs: number): ActiveHours {
  const weekend = isWeekend(nowMs);
  const usual = events.filter(
    (event) =>
      event.atMs < nowMs - HABIT_AFTER_MS && isSuccess(event) && isWeekend(event.atMs) === weekend,
  );
  const hours = [...new Set(usual.map(({ atMs }) => hourOf(atMs)))].sort((a, b) => a - b);
  return {
    kind: weekend ? "weekends" : "weekdays",
    hours,
    days: new Set(usual.map(({ atMs }) => dayOf(atMs))).size,
    events: usual.length,
    ...longestQuiet(hours),
  };
}

/**
 * Whether an instant is in the principal's longest quiet period, not counting the first and last hour. Shorter quiet
 * periods are chance. The longest one is the night.
 *
 * @param least minimum length in hours of a quiet period that counts as night
 */
export function isUnusualHour(
  { quietFrom, quietHours }: ActiveHours,
  atMs: number,
  least: number,
): boolean {
  const inside = (hourOf(atMs) - quietFrom + 24) % 24;
  return quietHours >= least && inside >= 1 && inside < quietHours - 1;
}

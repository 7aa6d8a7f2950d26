import { DAY_MS, HOUR_MS } from "../../core/clock.ts";
import { isSuccess, type SeenEvent } from "./seen-event.ts";

/** What is done in one night is no habit: only events so much older than now show what is usual. */
const HABIT_AFTER_MS = 12 * HOUR_MS;

const dayOf = (atMs: number) => Math.floor(atMs / DAY_MS);
const hourOf = (atMs: number) => new Date(atMs).getUTCHours();
const isWeekend = (atMs: number) => [0, 6].includes(new Date(atMs).getUTCDay());

/** When a holder was active on a kind of day, and on how many such days. */
export interface ActiveHours {
  readonly kind: "weekdays" | "weekends";
  /** Hours of the day, UTC, earliest first. */
  readonly hours: readonly number[];
  readonly days: number;
  readonly events: number;
  /** The longest time of the day without activity: its first hour, and its number of hours. */
  readonly quietFrom: number;
  readonly quietHours: number;
}

/** The longest stretch of the day, which goes on after midnight, between two active hours. */
function longestQuiet(hours: readonly number[]): Pick<ActiveHours, "quietFrom" | "quietHours"> {
  const gaps = hours.map((hour, n) => {
    const next = hours[n + 1] ?? (hours[0] ?? 0) + 24;
    return { quietFrom: (hour + 1) % 24, quietHours: next - hour - 1 };
  });
  const [longest] = gaps.sort((a, b) => b.quietHours - a.quietHours);
  return longest ?? { quietFrom: 0, quietHours: 0 };
}

/** When a holder was active on days such as that of `nowMs`, weekdays and weekends apart. */
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
 * Whether an instant is in the longest quiet time of the holder's day, and not in its first or last hour. Other hours
 * without activity are chance: nobody works in each hour of the day, and everybody sleeps.
 *
 * @param least hours of quiet from which a day has a night
 */
export function isUnusualHour(
  { quietFrom, quietHours }: ActiveHours,
  atMs: number,
  least: number,
): boolean {
  const inside = (hourOf(atMs) - quietFrom + 24) % 24;
  return quietHours >= least && inside >= 1 && inside < quietHours - 1;
}

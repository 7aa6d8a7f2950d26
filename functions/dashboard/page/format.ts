const numbers = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const day = { month: "short", day: "numeric" } as const;
const minute = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const days = new Intl.DateTimeFormat(undefined, day);
const times = new Intl.DateTimeFormat(undefined, minute);
const minutes = new Intl.DateTimeFormat(undefined, { ...day, ...minute });
const moments = new Intl.DateTimeFormat(undefined, { ...day, ...minute, second: "2-digit" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

export const formatNumber = (value: number): string => numbers.format(value);
export const formatCompact = (value: number): string => compact.format(value);
/** Formats the date without the time. */
export const formatDay = (at: string | number): string => days.format(new Date(at));
/** Formats the time without the date. */
export const formatTime = (at: string | number): string => times.format(new Date(at));
/** Formats the date and time to the second, in the local time zone. */
export const formatMoment = (at: string | number): string => moments.format(new Date(at));
/** Formats the date and time to the minute, in the local time zone. */
export const formatMinute = (at: string | number): string => minutes.format(new Date(at));

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** Formats a time relative to `nowMs`, in the past or future. */
export function formatAgo(at: string, nowMs: number): string {
  const differenceMs = Date.parse(at) - nowMs;
  for (const [unit, ms] of UNITS) {
    if (Math.abs(differenceMs) >= ms) return relative.format(Math.trunc(differenceMs / ms), unit);
  }
  return relative.format(Math.trunc(differenceMs / 1000), "second");
}

/** `token_used` → `Token used`. */
export function formatType(eventType: string): string {
  const words = eventType.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Formats a duration like the range picker does. */
export function formatLength(ms: number): string {
  const [unit, length] = UNITS.find(([, unitMs]) => ms >= 2 * unitMs) ?? ["minute", 60_000];
  const count = Math.round(ms / length);
  return count === 1 ? unit : `${count} ${unit}s`;
}

import { DAY_MS, HOUR_MS } from "../../../shared/core/clock.ts";
import type { Random } from "./random.ts";

/** Returns the activity at a time, relative to the mean of a working day. */
type Rhythm = (atMs: number) => number;

const toHour = (atMs: number) => (atMs % DAY_MS) / HOUR_MS;

/** Whether a time is on a Saturday or Sunday, UTC. */
export function isWeekend(atMs: number): boolean {
  return [0, 6].includes(new Date(atMs).getUTCDay());
}

/** Returns a daily wave between 0 and 1 that peaks at an hour. */
const wave = (atMs: number, peakHour: number) =>
  (1 + Math.cos(((toHour(atMs) - peakHour) * 2 * Math.PI) / 24)) / 2;

/** Rises from 0 to 1 within an hour around `startHour`, and falls back to 0 around `endHour`. */
const opening = (atMs: number, startHour: number, endHour: number) => {
  const step = (distance: number) => 1 / (1 + Math.exp(-6 * distance));
  return step(toHour(atMs) - startHour) * step(endHour - toHour(atMs));
};

/** Scales a shape to a daily mean of 1, and lowers it on weekends. */
function rhythm(shape: Rhythm, weekend: number): Rhythm {
  const quarters = Array.from({ length: 96 }, (_, n) => shape((n * HOUR_MS) / 4));
  const mean = quarters.reduce((sum, value) => sum + value, 0) / quarters.length;
  return (atMs) => (shape(atMs) / mean) * (isWeekend(atMs) ? weekend : 1);
}

/** People: quiet at night, busiest in the evening, less busy on weekends. */
export const PEOPLE = rhythm((atMs) => 0.1 + 0.9 * wave(atMs, 18) ** 1.5, 0.7);

/** Machines that serve people: always on, slightly busier during the day. */
export const MACHINES = rhythm((atMs) => 0.7 + 0.3 * wave(atMs, 15), 0.85);

/** Offices: from eight to six on working days, almost idle otherwise. */
export const OFFICES = rhythm((atMs) => 0.02 + 0.98 * opening(atMs, 8, 18), 0.04);

/** Upper bound of every rhythm. */
const BUSIEST = 3;

/** Yields random times in [from, to) for an event that happens about `perDay` times on a working day. */
export function* arrivals(
  random: Random,
  {
    fromMs,
    toMs,
    perDay,
    rhythm,
  }: { fromMs: number; toMs: number; perDay: number; rhythm: Rhythm },
): Generator<number> {
  // Thinning (Lewis and Shedler): draws times at the highest rate, and keeps the share that the rhythm allows.
  const meanWaitMs = DAY_MS / (perDay * BUSIEST);
  for (let atMs = fromMs + random.wait(meanWaitMs); atMs < toMs; atMs += random.wait(meanWaitMs)) {
    if (random.chance(rhythm(atMs) / BUSIEST)) yield Math.floor(atMs);
  }
}

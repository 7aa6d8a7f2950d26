import { DAY_MS, HOUR_MS } from "../../../shared/time/clock.ts";
import type { Random } from "./random.ts";

/** How busy it is at a time, as a multiple of the mean of a working day. */
export type Rhythm = (atMs: number) => number;

const hourOf = (atMs: number) => (atMs % DAY_MS) / HOUR_MS;

/** Saturday or Sunday, UTC. */
export function isWeekend(atMs: number): boolean {
  return [0, 6].includes(new Date(atMs).getUTCDay());
}

/** A wave over the day between 0 and 1 that peaks at an hour. */
const wave = (atMs: number, peakHour: number) =>
  (1 + Math.cos(((hourOf(atMs) - peakHour) * 2 * Math.PI) / 24)) / 2;

/** Rises from 0 to 1 within an hour around `startHour` and falls again around `endHour`. */
const opening = (atMs: number, startHour: number, endHour: number) => {
  const step = (distance: number) => 1 / (1 + Math.exp(-6 * distance));
  return step(hourOf(atMs) - startHour) * step(endHour - hourOf(atMs));
};

/** The rhythm of a shape: brought to a mean of 1 over a day, less on weekends. */
function rhythm(shape: Rhythm, weekend: number): Rhythm {
  const quarters = Array.from({ length: 96 }, (_, n) => shape((n * HOUR_MS) / 4));
  const mean = quarters.reduce((sum, value) => sum + value, 0) / quarters.length;
  return (atMs) => (shape(atMs) / mean) * (isWeekend(atMs) ? weekend : 1);
}

/** People: quiet at night, most in the evening, less on weekends. */
export const PEOPLE = rhythm((atMs) => 0.1 + 0.9 * wave(atMs, 18) ** 1.5, 0.7);

/** Machines that serve people: always on, a little busier by day. */
export const MACHINES = rhythm((atMs) => 0.7 + 0.3 * wave(atMs, 15), 0.85);

/** Offices: from eight to six on working days, next to nothing else. */
export const OFFICES = rhythm((atMs) => 0.02 + 0.98 * opening(atMs, 8, 18), 0.04);

/** A rhythm never exceeds this. */
const BUSIEST = 3;

/** Times in [from, to) at which something happens that on a working day does so `perDay` times. */
export function* arrivals(
  random: Random,
  {
    fromMs,
    toMs,
    perDay,
    rhythm,
  }: { fromMs: number; toMs: number; perDay: number; rhythm: Rhythm },
): Generator<number> {
  // Lewis and Shedler's thinning: draw at the busiest rate, keep as many as the rhythm has.
  const meanWaitMs = DAY_MS / (perDay * BUSIEST);
  for (let atMs = fromMs + random.wait(meanWaitMs); atMs < toMs; atMs += random.wait(meanWaitMs)) {
    if (random.chance(rhythm(atMs) / BUSIEST)) yield Math.floor(atMs);
  }
}

import { DAY_MS, HOUR_MS, MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import type { LocalFront } from "./local-front.ts";

const SCHEDULE = "anomalies";
const EVERY_MS = 5 * MINUTE_MS;
/** Before the range, hourly runs are enough for the detection to learn what is usual. */
const LEARN_EVERY_MS = HOUR_MS;
const LEARN_MS = 3 * DAY_MS;

/**
 * Runs the anomaly detection for every hour of the three days before the range, and for every five minutes in (from,
 * to], as its schedule would. Returns false if the stack has no such schedule.
 */
export async function detectOverRange(
  front: Pick<LocalFront, "schedules" | "runSchedule">,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  writeLine: (line: string) => void,
): Promise<boolean> {
  if (!(await front.schedules()).includes(SCHEDULE)) return false;
  const detect = async (atMs: number) => {
    writeLine(`running the anomaly detection as of ${toInstant(atMs)}`);
    await front.runSchedule(SCHEDULE, { as_of: toInstant(atMs) });
  };
  for (let atMs = fromMs - LEARN_MS; atMs <= fromMs; atMs += LEARN_EVERY_MS) await detect(atMs);
  for (let atMs = fromMs + EVERY_MS; atMs <= toMs; atMs += EVERY_MS) await detect(atMs);
  return true;
}

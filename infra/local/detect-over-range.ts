import { MINUTE_MS, toInstant } from "../../shared/clock/clock.ts";
import type { LocalFront } from "./local-front.ts";

const SCHEDULE = "anomalies";
const EVERY_MS = 5 * MINUTE_MS;

/**
 * Runs the detection of anomalies as of every five minutes in (from, to], in order, as its schedule
 * would have. Answers false when the stack has no such schedule.
 */
export async function detectOverRange(
  front: Pick<LocalFront, "schedules" | "runSchedule">,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  tell: (line: string) => void,
): Promise<boolean> {
  if (!(await front.schedules()).includes(SCHEDULE)) return false;
  for (let atMs = fromMs + EVERY_MS; atMs <= toMs; atMs += EVERY_MS) {
    tell(`looking for anomalies as of ${toInstant(atMs)}`);
    await front.runSchedule(SCHEDULE, { as_of: toInstant(atMs) });
  }
  return true;
}

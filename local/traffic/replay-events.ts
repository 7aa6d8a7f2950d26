import { MINUTE_MS, toInstant } from "../../shared/core/clock.ts";
import { steps } from "../../shared/core/time-range.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import {
  type AlertStore,
  listAlerts,
  listLatestResolved,
} from "../../shared/detection/alert-store.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { publishTraffic, type TrafficTarget } from "./publish-traffic.ts";

/** Name of the detection's schedule. */
const SCHEDULE = "anomalies";
const DETECT_EVERY_MS = 5 * MINUTE_MS;
/** Time range to publish in one step. Smaller steps take longer; larger steps look less like a real day. */
const SLICE_MS = 15 * MINUTE_MS;
/** Maximum number of resolved alerts to read. */
const MAX_RESOLVED = 200;

interface ReplayTarget extends TrafficTarget, AlertStore {}

interface ReplayRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Callbacks during a replay. */
interface ReplayFollower {
  readonly writeLine: (line: string) => void;
  /** Called for each alert when it opens. */
  readonly onAlert: (alert: Alert) => void;
  /** Waits until this fraction (0 to 1) of the replay's duration has passed. */
  readonly pace: (part: number) => Promise<void>;
}

/** Returns the alerts that opened in a range, highest score first. */
async function alertsIn(store: AlertStore, { fromMs, toMs }: ReplayRange): Promise<Alert[]> {
  const alerts = [
    ...(await listAlerts(store, "open")),
    ...(await listLatestResolved(store, MAX_RESOLVED)),
  ];
  return alerts
    .filter(({ opened_at }) => Date.parse(opened_at) > fromMs && Date.parse(opened_at) <= toMs)
    .sort((a, b) => b.score - a.score || b.findings.length - a.findings.length);
}

/**
 * Publishes the events in a range faster than real time. Runs the detection for every five minutes in the range, as its
 * schedule would.
 *
 * @param events oldest first
 * @throws Error when an event cannot be stored or the stack has no detection
 */
export async function replayEvents(
  target: ReplayTarget,
  events: readonly OAuthEvent[],
  { fromMs, toMs }: ReplayRange,
  { writeLine, onAlert, pace }: ReplayFollower,
): Promise<Alert[]> {
  if (!(await target.front.schedules()).includes(SCHEDULE)) {
    throw new Error("the stack has no detection schedule. Start a stack that has one");
  }
  const notified = new Set<string>();
  const slices = steps(fromMs, toMs, SLICE_MS);
  for (const [index, sliceMs] of slices.entries()) {
    const endMs = Math.min(sliceMs + SLICE_MS, toMs);
    const within = events.filter(({ occurred_at }) => {
      const atMs = Date.parse(occurred_at);
      return atMs >= sliceMs && (atMs < endMs || (endMs === toMs && atMs === toMs));
    });
    writeLine(`${toInstant(sliceMs)}: ${within.length} events`);
    if (within.length > 0) {
      await publishTraffic(target, { clients: [], events: within }, () => {});
    }
    for (let atMs = sliceMs + DETECT_EVERY_MS; atMs <= endMs; atMs += DETECT_EVERY_MS) {
      await target.front.runSchedule(SCHEDULE, { as_of: toInstant(atMs) });
    }
    for (const alert of await alertsIn(target, { fromMs, toMs: endMs })) {
      const name = `${alert.alert_id} ${alert.opened_at}`;
      if (notified.has(name)) continue;
      notified.add(name);
      onAlert(alert);
    }
    await pace((index + 1) / slices.length);
  }
  return alertsIn(target, { fromMs, toMs });
}

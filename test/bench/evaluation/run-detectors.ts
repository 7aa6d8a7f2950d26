import { storeEvents } from "../../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../shared/core/clock.ts";
import type { Alert } from "../../../shared/detection/alert.ts";
import { keepAlerts } from "../../../shared/detection/detect-anomalies.ts";
import { readSnapshot } from "../../../shared/detection/read-snapshot.ts";
import type { OAuthEvent } from "../../../shared/events/oauth-event.ts";
import { createWorldAt } from "../../integration/world.ts";
import { type EvaluationTraffic, TEST_DAY_END_MS, TEST_DAY_MS } from "./generate-evaluation.ts";
import type { SeedPurpose } from "./seeds.ts";

const STEP_MS = 5 * MINUTE_MS;
const BATCH = 1000;
const LEARN_MS = 3 * DAY_MS;

/** An alert from a detector. */
export interface Raised {
  readonly rule: string;
  readonly subject: string;
  readonly atMs: number;
  /** Fields that only the product's alerts have. */
  readonly risk?: string | undefined;
  readonly caseId?: string | undefined;
  readonly message?: string | undefined;
}

const getText = (alert: object, key: string): string | undefined => {
  const value: unknown = Reflect.get(alert, key);
  return typeof value === "string" ? value : undefined;
};

/**
 * Stores the traffic, and runs the product's detection every five minutes of the test day.
 *
 * @param onOpened called for each alert that opens, with or without a notification, because policies act on all alerts
 */
export async function runDetection(
  endpoint: string,
  { events }: EvaluationTraffic<SeedPurpose>,
  onOpened: (alert: Alert) => void = () => {},
): Promise<readonly Raised[]> {
  const world = await createWorldAt(endpoint);
  const clock = () => TEST_DAY_END_MS;
  const registered = new Map<string, number>();
  for (let start = 0; start < events.length; start += BATCH) {
    const batch = events.slice(start, start + BATCH);
    const { retry } = await storeEvents(world, batch, { clock, registered });
    if (retry.length > 0) throw new Error(retry[0]?.reason);
  }
  // A second notification is sent when an alert's risk rises. The map keeps the highest risk.
  const raised = new Map<string, Raised>();
  const context = {
    ...world.context,
    clock,
    sink: { publish: async () => {} },
    notify: async (alert: Alert) => {
      if (alert.state !== "open") return;
      raised.set(`${alert.alert_id} ${alert.opened_at}`, {
        rule: alert.rule,
        subject: `${alert.subject.kind} ${alert.subject.id}`,
        atMs: Date.parse(alert.opened_at),
        risk: getText(alert, "risk"),
        caseId: getText(alert, "case_id"),
        message: alert.message,
      });
    },
  };
  // The detection learns a client's networks as it runs. On the earlier days, hourly runs are enough.
  for (let atMs = TEST_DAY_MS - LEARN_MS; atMs <= TEST_DAY_MS; atMs += HOUR_MS) {
    await keepAlerts(context, await readSnapshot(context, atMs));
  }
  raised.clear();
  for (let atMs = TEST_DAY_MS + STEP_MS; atMs <= TEST_DAY_END_MS; atMs += STEP_MS) {
    const { opened } = await keepAlerts(context, await readSnapshot(context, atMs));
    for (const alert of opened) onOpened(alert);
  }
  return [...raised.values()];
}

/** A rule that raises an alert when a group has `threshold` matching events within a window. */
export interface CountRule {
  readonly name: string;
  readonly windowMs: number;
  readonly threshold: number;
  readonly matches: (event: OAuthEvent) => boolean;
  /** Returns the subject, such as `ip 192.0.2.1`, or undefined to skip the event. */
  readonly groupBy: (event: OAuthEvent) => string | undefined;
  /** If set, counts distinct values instead of events. */
  readonly distinct?: (event: OAuthEvent) => string | undefined;
}

/** Runs a rule on the test day. Raises an alert for a subject again only after a quiet window. */
export function runCountRule(rule: CountRule, events: readonly OAuthEvent[]): readonly Raised[] {
  const raised: Raised[] = [];
  const groups = new Map<string, { atMs: number; value: string | undefined }[]>();
  const lastMs = new Map<string, number>();
  for (const event of events) {
    const atMs = Date.parse(event.occurred_at);
    if (atMs < TEST_DAY_MS - rule.windowMs || !rule.matches(event)) continue;
    const subject = rule.groupBy(event);
    if (subject === undefined) continue;
    const within = (groups.get(subject) ?? []).filter((one) => one.atMs > atMs - rule.windowMs);
    within.push({ atMs, value: rule.distinct?.(event) });
    groups.set(subject, within);
    const count = rule.distinct ? new Set(within.map(({ value }) => value)).size : within.length;
    if (count < rule.threshold || atMs < TEST_DAY_MS) continue;
    const quiet = atMs - (lastMs.get(subject) ?? 0) > rule.windowMs;
    lastMs.set(subject, atMs);
    if (quiet) raised.push({ rule: rule.name, subject, atMs });
  }
  return raised;
}

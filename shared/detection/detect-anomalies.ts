import { v5 as uuidv5 } from "uuid";
import type { AnomalySubject } from "../anomaly-rules/anomaly-rule.ts";
import type { DetectionSnapshot } from "../anomaly-rules/detection-snapshot.ts";
import { type FoundAnomaly, findAnomalies } from "../anomaly-rules/find-anomalies.ts";
import { NO_CLIENT } from "../envelope/oauth-event.ts";
import { queryEvents } from "../event-store/query-events.ts";
import type { Logger } from "../telemetry/logger.ts";
import { MINUTE_MS, toInstant } from "../time/clock.ts";
import { alertSuspiciousActivity } from "../tracking/alert-suspicious-activity.ts";
import { type Tracking, trackEvent } from "../tracking/track-event.ts";
import type { Alert } from "./alert.ts";
import {
  AlertChangedError,
  type AlertStore,
  findAlert,
  keepResolved,
  listAlerts,
  markTold,
  saveAlert,
} from "./alert-store.ts";
import { rememberNetwork } from "./known-networks.ts";
import { listMutes } from "./mutes.ts";
import { type DetectionStore, readSnapshot } from "./read-snapshot.ts";
import { benignSubjects } from "./verdicts.ts";

/** Tells people about an alert that opened or resolved. It may be called twice for the same alert. */
export type AlertNotifier = (alert: Alert) => Promise<void>;

export interface DetectionContext extends DetectionStore, AlertStore, Tracking {
  readonly logger: Logger;
  readonly notify: AlertNotifier;
}

/** What a run found and did. */
export interface DetectionRun {
  /** The time as of which the run looked, UTC. */
  readonly as_of: string;
  readonly opened: readonly Alert[];
  readonly resolved: readonly Alert[];
  /** The number of alerts that are open after the run. */
  readonly open: number;
  /** The number of anomalies of muted clients, and of subjects that were judged benign. */
  readonly muted: number;
}

/** The namespace of the events' ids: an alert that is published twice is one event. */
const EVENT_NAMESPACE = "5c1f6f0e-8d5b-4f6a-9c39-0a6e6a1b7d21";

/** How many events an alert shows. */
const EXAMPLES = 3;

/** The members of an event's data that an alert shows. */
const SHOWN = ["ip", "endpoint", "user_agent", "reason"] as const;

function alertId(rule: string, { kind, id }: AnomalySubject): string {
  return `${rule}#${kind}#${id}`;
}

/** The client of an anomaly, if it is known. */
function clientOf({ subject, clientId }: FoundAnomaly): string | undefined {
  const id = subject.kind === "client" ? subject.id : clientId;
  return id === NO_CLIENT ? undefined : id;
}

/** A summary of the subject's newest events within the window. */
async function examples(context: DetectionContext, anomaly: FoundAnomaly): Promise<unknown[]> {
  const { kind, id } = anomaly.subject;
  if (kind === "client" && id === NO_CLIENT) return [];
  const { events } = await queryEvents(context, {
    fromMs: Date.parse(anomaly.windowStart),
    toMs: Date.parse(anomaly.windowEnd),
    limit: EXAMPLES,
    security: anomaly.rule.examples === "failures" || undefined,
    ...(kind === "ip" && { ip: id }),
    ...(kind === "token" && { tokenId: id }),
    ...(kind === "client" && { clientId: id }),
  });
  return events.map(({ id: event_id, event_type, occurred_at, event_data }) => ({
    event_id,
    event_type,
    occurred_at,
    ...Object.fromEntries(
      SHOWN.flatMap((name) => (name in event_data ? [[name, event_data[name]]] : [])),
    ),
  }));
}

/** Opens, keeps and resolves alerts as of one instant. */
class AlertKeeper {
  readonly opened: Alert[] = [];
  readonly resolved: Alert[] = [];

  constructor(
    private readonly context: DetectionContext,
    private readonly nowMs: number,
  ) {}

  /** Opens an alert for an anomaly, or updates the alert that is open already. */
  async see(anomaly: FoundAnomaly): Promise<void> {
    const { context } = this;
    const id = alertId(anomaly.rule.name, anomaly.subject);
    const before = await findAlert(context, id);
    const now = toInstant(this.nowMs);
    if (before?.state === "open") {
      const seen: Alert = {
        ...before,
        last_seen_at: now,
        detections: before.detections + 1,
        observed: Math.max(before.observed, anomaly.observed),
        window_end: anomaly.windowEnd,
      };
      await saveAlert(context, seen, before);
      await this.#tellLate(seen);
      return;
    }
    const clientId = clientOf(anomaly);
    const alert: Alert = {
      alert_id: id,
      state: "open",
      rule: anomaly.rule.name,
      subject: { ...anomaly.subject },
      ...(clientId !== undefined && { oauth_client_id: clientId }),
      message: anomaly.message,
      advice: anomaly.rule.advice,
      opened_at: now,
      last_seen_at: now,
      detections: 1,
      observed: anomaly.observed,
      threshold: anomaly.threshold,
      window_start: anomaly.windowStart,
      window_end: anomaly.windowEnd,
      evidence: { ...anomaly.evidence, examples: await examples(context, anomaly) },
      event_id: uuidv5(`${id} ${now}`, EVENT_NAMESPACE),
      told: false,
    };
    if (before) await keepResolved(context, before);
    await saveAlert(context, alert, before);
    this.opened.push(alert);
    await this.#tell(alert);
    await markTold(context, alert);
  }

  /** Resolves an open alert whose anomaly has been absent for long enough. */
  async settle(alert: Alert, quietMs: number): Promise<void> {
    await this.#tellLate(alert);
    if (this.nowMs - Date.parse(alert.last_seen_at) < quietMs) return;
    const resolved: Alert = { ...alert, state: "resolved", resolved_at: toInstant(this.nowMs) };
    await this.#tell(resolved);
    await saveAlert(this.context, { ...resolved, told: true }, alert);
    this.resolved.push(resolved);
  }

  /** Tells people about an alert when the run that opened it could not. */
  async #tellLate(alert: Alert): Promise<void> {
    if (alert.told || alert.opened_at >= toInstant(this.nowMs)) return;
    await this.#tell(alert);
    await markTold(this.context, alert);
  }

  /** Publishes the alert's event and notifies people. */
  async #tell(alert: Alert): Promise<void> {
    const { context, nowMs } = this;
    const { subject } = alert;
    const about = {
      oauth_client_id: alert.oauth_client_id,
      ...(subject.kind === "token" && { token_id: subject.id }),
    };
    const details = {
      ...(subject.kind === "ip" && { ip: subject.id }),
      rule: alert.rule,
      alert_id: alert.alert_id,
      subject,
      observed: alert.observed,
      threshold: alert.threshold,
      window_start: alert.window_start,
      window_end: alert.window_end,
      evidence: alert.evidence,
      advice: alert.advice,
    };
    if (alert.state === "open") {
      await alertSuspiciousActivity(
        { ...context, clock: () => Date.parse(alert.opened_at) },
        alert.message,
        details,
        about,
        alert.event_id,
      );
    } else {
      await trackEvent(
        context,
        "alert_resolved",
        about,
        { ...details, message: alert.message },
        { atMs: nowMs, id: uuidv5(`${alert.event_id} resolved`, EVENT_NAMESPACE) },
      );
    }
    await context.notify(alert);
  }
}

/** Remembers the networks from which clients were used, after the rules have looked for new ones. */
async function learnNetworks(
  store: DetectionStore,
  snapshot: DetectionSnapshot,
  found: readonly FoundAnomaly[],
): Promise<void> {
  const raised = new Set(
    found.map(({ subject, evidence }) => `${subject.id} ${String(evidence.network)}`),
  );
  const seen = new Map<string, () => Promise<void>>();
  for (const each of snapshot.serviceNetworks) {
    const network = each.value;
    const seenMs = Math.min(...[...each.minutes.keys()].filter((at) => at < snapshot.nowMs));
    if (seenMs === Number.POSITIVE_INFINITY) continue;
    const key = `${each.clientId} ${network}`;
    const was = { network, seenMs, raised: raised.has(key) };
    seen.set(key, () => rememberNetwork(store, each.clientId, was));
  }
  await Promise.all([...seen.values()].map((remember) => remember()));
}

/**
 * Looks for anomalies as of an instant, using only counters, and keeps one alert for each rule and subject.
 * People are told when an alert opens, and again when it has been quiet for a while.
 *
 * @param asOfMs the time as of which to look, epoch milliseconds; it may be in the past
 * @throws the error of the store, the bus or the notifier; the next run continues from there
 */
export async function detectAnomalies(
  context: DetectionContext,
  asOfMs: number,
): Promise<DetectionRun> {
  return keepAlerts(context, await readSnapshot(context, asOfMs));
}

/** The second half of `detectAnomalies`: finds anomalies in a snapshot and keeps their alerts. */
export async function keepAlerts(
  context: DetectionContext,
  snapshot: DetectionSnapshot,
): Promise<DetectionRun> {
  const { anomalies } = context.config;
  const asOfMs = snapshot.nowMs;
  const found = findAnomalies(snapshot, anomalies.rules);
  const mutes = await listMutes(context, asOfMs);
  const isMuted = (anomaly: FoundAnomaly) => {
    const client = clientOf(anomaly);
    if (client === undefined) return false;
    return (
      anomalies.mutedClients.includes(client) ||
      mutes.some(
        ({ oauth_client_id, rule }) =>
          oauth_client_id === client && (rule === undefined || rule === anomaly.rule.name),
      )
    );
  };
  const keeper = new AlertKeeper(context, asOfMs);
  const failures: unknown[] = [];
  // People must be told about the other alerts even if one fails.
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      // After an AlertChangedError there is nothing to do: another run was faster.
      if (!(error instanceof AlertChangedError)) failures.push(error);
    }
  };
  const isBenign = await benignSubjects(context, found);
  const heard = found.filter((anomaly) => !isMuted(anomaly) && !isBenign(anomaly));
  for (const anomaly of heard) await attempt(() => keeper.see(anomaly));
  const seen = new Set(heard.map(({ rule, subject }) => alertId(rule.name, subject)));
  const open = await listAlerts(context, "open");
  const quiet = open.filter(({ alert_id }) => !seen.has(alert_id));
  const quietMs = anomalies.quietMinutes * MINUTE_MS;
  for (const alert of quiet) await attempt(() => keeper.settle(alert, quietMs));
  await learnNetworks(context, snapshot, found);
  if (failures.length > 0) throw failures[0];
  const { opened, resolved } = keeper;
  return {
    as_of: toInstant(asOfMs),
    opened,
    resolved,
    open: new Set([...seen, ...quiet.map(({ alert_id }) => alert_id)]).size - resolved.length,
    muted: found.length - heard.length,
  };
}

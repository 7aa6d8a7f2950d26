import { v5 as uuidv5 } from "uuid";
import { queryEvents } from "../audit-log/query-events.ts";
import { MINUTE_MS, toInstant } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import { NO_CLIENT } from "../events/oauth-event.ts";
import { alertSuspiciousActivity, type Tracking, trackEvent } from "../events/track-event.ts";
import type { Alert } from "./alert.ts";
import {
  AlertChangedError,
  type AlertStore,
  findAlert,
  keepResolved,
  listAlerts,
  listLatestResolved,
  markNotified,
  saveAlert,
} from "./alert-store.ts";
import { rememberNetwork, type SeenNetwork } from "./client-habits.ts";
import {
  addFindings,
  INCIDENT_QUIET_MS,
  type Incident,
  isAtLeast,
  matchIncidents,
  toIncidents,
} from "./incidents.ts";
import { listMutes } from "./mutes.ts";
import { type DetectionStore, readSnapshot } from "./read-snapshot.ts";
import type { AnomalySubject, FoundAnomaly } from "./rules/anomaly-rule.ts";
import { type DetectionSnapshot, splitValue } from "./rules/detection-snapshot.ts";
import { findAnomalies } from "./rules/find-anomalies.ts";
import { mergeRaised } from "./rules/risk.ts";
import { benignSubjects } from "./verdicts.ts";

/** Notifies people that an alert opened or resolved. May be called twice for the same alert. */
export type AlertNotifier = (alert: Alert) => Promise<void>;

export interface DetectionContext extends DetectionStore, AlertStore, Tracking {
  readonly logger: Logger;
  readonly notify: AlertNotifier;
}

/** Result of a detection run. */
export interface DetectionRun {
  /** The instant as of which the run evaluated the data, UTC. */
  readonly as_of: string;
  readonly opened: readonly Alert[];
  readonly resolved: readonly Alert[];
  /** Number of alerts open after the run. */
  readonly open: number;
  /** Number of anomalies suppressed because the client is muted or the subject was judged benign. */
  readonly muted: number;
}

/** Namespace for event ids. It makes the event id the same if an alert is published twice. */
const EVENT_NAMESPACE = "5c1f6f0e-8d5b-4f6a-9c39-0a6e6a1b7d21";

/** Maximum resolved alerts that are considered for reopening. */
const MAX_RECENT = 100;

/** Number of example events in an alert. */
const EXAMPLES = 3;

/** Event data fields that an alert shows. */
const SHOWN = [
  "ip",
  "endpoint",
  "user_agent",
  "reason",
  "geo",
  "autonomous_system",
  "network_type",
] as const;

function alertId(rule: string, { kind, id }: AnomalySubject): string {
  return `${rule}#${kind}#${id}`;
}

/** Returns the client that an anomaly concerns, if known. */
function getClient({ subject, clientId }: FoundAnomaly): string | undefined {
  const id = subject.kind === "client" ? subject.id : clientId;
  return id === NO_CLIENT ? undefined : id;
}

/** Summarises the subject's newest events within the window. For a network, it uses one of the network's addresses. */
async function examples(context: DetectionContext, anomaly: FoundAnomaly): Promise<unknown[]> {
  const { subject, involved = [] } = anomaly;
  const about = subject.kind === "network" ? involved.find((each) => each.kind === "ip") : subject;
  if (!about) return [];
  const { kind, id } = about;
  if (kind === "reason" || (kind === "client" && id === NO_CLIENT)) return [];
  const { events } = await queryEvents(context, {
    fromMs: Date.parse(anomaly.windowStart),
    toMs: Date.parse(anomaly.windowEnd),
    limit: EXAMPLES,
    security: anomaly.rule.examples === "failures" || undefined,
    ...(kind === "ip" && { ip: id }),
    ...(kind === "token" && { tokenId: id }),
    ...(kind === "user" && { userId: id }),
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

/** Drops undefined values, which JSON can't represent. */
function asJson(evidence: FoundAnomaly["evidence"]): Record<string, unknown> {
  return JSON.parse(JSON.stringify(evidence));
}

/** Opens, updates and resolves alerts as of one instant. */
class AlertKeeper {
  readonly opened: Alert[] = [];
  readonly resolved: Alert[] = [];
  readonly #seen = new Set<string>();

  constructor(
    private readonly context: DetectionContext,
    private readonly nowMs: number,
  ) {}

  /** Number of alerts that this run opened or updated. */
  get seen(): number {
    return this.#seen.size;
  }

  /** Opens an alert for an incident, or updates the existing alert for that incident. */
  async see(incident: Incident, known: Alert | undefined): Promise<void> {
    const { context } = this;
    const now = toInstant(this.nowMs);
    const [anomaly] = incident.anomalies;
    if (!anomaly) return;
    if (known) {
      this.#seen.add(known.alert_id);
      const { resolved_at: _, ...open } = known;
      const findings = addFindings(known, incident, now);
      const isWorse = findings.risk === "high" && known.risk !== "high";
      const seen: Alert = {
        ...open,
        ...findings,
        state: "open",
        last_seen_at: now,
        detections: known.detections + 1,
        observed: Math.max(known.observed, anomaly.observed),
        window_end: anomaly.windowEnd,
        notified: known.notified && !isWorse,
      };
      await saveAlert(context, seen, known);
      if (isWorse && known.notified) {
        await this.#notify(seen);
        await markNotified(context, seen);
        return;
      }
      await this.#notifyLate(seen);
      return;
    }
    const id = alertId(anomaly.rule.name, anomaly.subject);
    const before = await findAlert(context, id);
    // Either another run opened the alert first, or the alert dropped this subject because it involves too many.
    if (before?.state === "open") {
      await this.see(incident, before);
      return;
    }
    this.#seen.add(id);
    const clientId = getClient(anomaly);
    const alert: Alert = {
      alert_id: id,
      state: "open",
      rule: anomaly.rule.name,
      subject: { ...anomaly.subject },
      ...(clientId !== undefined && { oauth_client_id: clientId }),
      message: anomaly.message,
      advice: anomaly.rule.advice,
      ...addFindings(undefined, incident, now),
      opened_at: now,
      last_seen_at: now,
      detections: 1,
      observed: anomaly.observed,
      threshold: anomaly.threshold,
      window_start: anomaly.windowStart,
      window_end: anomaly.windowEnd,
      evidence: { ...asJson(anomaly.evidence), examples: await examples(context, anomaly) },
      event_id: uuidv5(`${id} ${now}`, EVENT_NAMESPACE),
      notified: false,
    };
    if (before) await keepResolved(context, before);
    await saveAlert(context, alert, before);
    this.opened.push(alert);
    await this.#notify(alert);
    await markNotified(context, alert);
  }

  /** Resolves an open alert if the anomaly hasn't been seen for `quietMs`. */
  async settle(alert: Alert, quietMs: number): Promise<void> {
    await this.#notifyLate(alert);
    if (this.nowMs - Date.parse(alert.last_seen_at) < quietMs) return;
    const resolved: Alert = { ...alert, state: "resolved", resolved_at: toInstant(this.nowMs) };
    await this.#notify(resolved);
    await saveAlert(this.context, { ...resolved, notified: true }, alert);
    this.resolved.push(resolved);
  }

  /** Sends a notification that failed in the run that opened the alert. */
  async #notifyLate(alert: Alert): Promise<void> {
    if (alert.notified || alert.opened_at >= toInstant(this.nowMs)) return;
    await this.#notify(alert);
    await markNotified(this.context, alert);
  }

  /** Publishes the alert's event and notifies people. */
  async #notify(alert: Alert): Promise<void> {
    const { context, nowMs } = this;
    const { subject } = alert;
    const about = {
      oauth_client_id: alert.oauth_client_id,
      ...(subject.kind === "token" && { token_id: subject.id }),
      ...(subject.kind === "user" && { user_id: subject.id }),
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
      risk: alert.risk,
      score: alert.score,
      findings: alert.findings.map(({ rule, subject: findingSubject, message }) => ({
        rule,
        subject: findingSubject,
        message,
      })),
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
    if (isAtLeast(alert.risk, context.config.anomalies.notifyFrom)) await context.notify(alert);
  }
}

/** Returns recently resolved alerts, oldest first. */
async function findRecent(store: AlertStore, sinceMs: number, nowMs: number): Promise<Alert[]> {
  const alerts = await listLatestResolved(store, MAX_RECENT);
  return alerts
    .filter(({ last_seen_at }) => {
      const seenMs = Date.parse(last_seen_at);
      return seenMs >= sinceMs && seenMs <= nowMs;
    })
    .reverse();
}

/** Stores the networks that clients were used from. Call it after the rules have checked for new networks. */
async function learnNetworks(
  store: DetectionStore,
  snapshot: DetectionSnapshot,
  found: readonly FoundAnomaly[],
): Promise<void> {
  const raised = new Set(
    found.map(({ subject, evidence }) => `${subject.id} ${String(evidence.network)}`),
  );
  const seen = new Map<string, { readonly clientId: string; readonly was: SeenNetwork }>();
  for (const each of snapshot.serviceNetworks) {
    const [network] = splitValue(each.value);
    const seenMs = Math.min(...[...each.minutes.keys()].filter((at) => at < snapshot.nowMs));
    if (seenMs === Number.POSITIVE_INFINITY) continue;
    const key = `${each.clientId} ${network}`;
    const earlierMs = seen.get(key)?.was.seenMs ?? Number.POSITIVE_INFINITY;
    const was = { network, seenMs: Math.min(seenMs, earlierMs), raised: raised.has(key) };
    seen.set(key, { clientId: each.clientId, was });
  }
  await Promise.all(
    [...seen.values()].map(({ clientId, was }) => rememberNetwork(store, clientId, was)),
  );
}

/**
 * Detects anomalies as of an instant and maintains one alert per incident. Notifies people when an alert opens, when
 * the risk becomes high, and when the alert resolves.
 *
 * @param asOfMs the instant to evaluate, in epoch milliseconds; may be in the past
 * @throws the error from the store, event bus or notifier; the next run resumes the work
 */
export async function detectAnomalies(
  context: DetectionContext,
  asOfMs: number,
): Promise<DetectionRun> {
  return keepAlerts(context, await readSnapshot(context, asOfMs));
}

/** Finds anomalies in a snapshot and updates their alerts. This is the second half of `detectAnomalies`. */
export async function keepAlerts(
  context: DetectionContext,
  snapshot: DetectionSnapshot,
): Promise<DetectionRun> {
  const { anomalies } = context.config;
  const asOfMs = snapshot.nowMs;
  const found = findAnomalies(snapshot, anomalies.rules, anomalies.custom);
  const mutes = await listMutes(context, asOfMs);
  const isMuted = (anomaly: FoundAnomaly) => {
    const client = getClient(anomaly);
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
  // If one alert fails, people must still be notified about the others.
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      // An AlertChangedError needs no action, because another run has done the work.
      if (!(error instanceof AlertChangedError)) failures.push(error);
    }
  };
  const isBenign = await benignSubjects(context, found);
  const unmuted = found.filter((anomaly) => !isMuted(anomaly) && !isBenign(anomaly));
  // Drops supporting anomalies if the anomaly that they support is muted.
  const raised = mergeRaised(unmuted);
  const open = await listAlerts(context, "open");
  const incidents = toIncidents(raised);
  const recent =
    incidents.length === 0 ? [] : await findRecent(context, asOfMs - INCIDENT_QUIET_MS, asOfMs);
  const seen = new Set<string>();
  for (const { incident, known } of matchIncidents(incidents, open, recent)) {
    await attempt(() => keeper.see(incident, known));
    for (const { rule, subject } of incident.anomalies) seen.add(alertId(rule.name, subject));
    if (known) seen.add(known.alert_id);
  }
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
    open: keeper.seen + quiet.length - resolved.length,
    muted: found.length - unmuted.length,
  };
}

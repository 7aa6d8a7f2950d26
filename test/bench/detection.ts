import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { ATTACKS, type AttackLabel, type AttackName } from "../../local/traffic/attacks/attack.ts";
import { generateTraffic } from "../../local/traffic/generate-traffic.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import type { Alert } from "../../shared/detection/alert.ts";
import { keepAlerts } from "../../shared/detection/detect-anomalies.ts";
import { readSnapshot } from "../../shared/detection/read-snapshot.ts";
import {
  countWithin,
  type DetectionSnapshot,
} from "../../shared/detection/rules/detection-snapshot.ts";
import { ANOMALY_RULES } from "../../shared/detection/rules/find-anomalies.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { createWorldAt } from "../integration/world.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { evaluate } from "./evaluation/evaluate.ts";
import { testSeeds } from "./evaluation/seeds.ts";

/** Rules that are expected to find each attack. */
const EXPECTED: Readonly<Record<AttackName, readonly string[]>> = {
  credential_stuffing: ["failure_burst", "failure_rate"],
  distributed_stuffing: ["failure_rate"],
  token_theft: ["token_theft", "new_network"],
  scope_probing: ["scope_probing", "token_theft"],
  runaway_issuer: ["issuance_rate"],
  low_and_slow: ["persistent_failures", "failure_rate"],
  revoked_token_use: ["revoked_token"],
  credential_reuse: ["credential_reuse"],
  dormant_token: ["dormant_token", "new_network", "token_theft"],
  new_network: ["new_network", "token_theft"],
};

/** Fixed hourly thresholds for every subject, as a detector without history would use. */
const FIXED = { failuresOfIp: 100, failuresOfClient: 200, issuedToClient: 100 };

const START_MS = Date.parse("2026-11-02T00:00:00.000Z");
const DAYS = 9;
/** Earlier days are for learning and are not evaluated. */
const JUDGED_FROM_DAY = 3;
const EVENTS_PER_DAY = 5000;
const SEEDS = [11, 23];
const STEP_MS = 5 * MINUTE_MS;
/** An alert counts for an attack if it comes at most this long after the attack's last event. */
const LATE_MS = HOUR_MS;

/** An alert from either detector. */
interface Raised {
  readonly rule: string;
  readonly kind: string;
  readonly id: string;
  readonly atMs: number;
}

/** Returns the subjects that take part in an attack. An alert may name any of them. */
function involved(label: AttackLabel, events: readonly OAuthEvent[]): Set<string> {
  const { kind, id } = label.subject;
  const names = new Set([`${kind} ${id}`]);
  for (const { occurred_at, oauth_client_id = "(none)", user_id, event_data } of events) {
    const atMs = Date.parse(occurred_at);
    if (atMs < label.startMs || atMs > label.endMs) continue;
    const about = {
      client: oauth_client_id,
      user: user_id,
      ip: event_data.ip,
      token: event_data.token_id,
    };
    if (kind === "client" || about[kind] !== id) continue;
    for (const [name, value] of Object.entries(about)) names.add(`${name} ${value}`);
  }
  return names;
}

/** Runs a detector with fixed thresholds over the same snapshot. It raises each subject at most once per hour. */
function fixedThresholds(snapshot: DetectionSnapshot, last: Map<string, number>): Raised[] {
  const { nowMs } = snapshot;
  const found: Omit<Raised, "atMs">[] = [];
  const ips = new Map<string, number>();
  for (const each of snapshot.failedIps) {
    const count = countWithin(each, nowMs - HOUR_MS, nowMs);
    ips.set(each.value, (ips.get(each.value) ?? 0) + count);
  }
  for (const [id, count] of ips) {
    if (count >= FIXED.failuresOfIp) found.push({ rule: "failures of an address", kind: "ip", id });
  }
  for (const { clientId: id, lastHour } of snapshot.failures) {
    if (lastHour >= FIXED.failuresOfClient) {
      found.push({ rule: "failures of a client", kind: "client", id });
    }
  }
  for (const { clientId: id, lastHour } of snapshot.issuance) {
    if (lastHour >= FIXED.issuedToClient) found.push({ rule: "tokens issued", kind: "client", id });
  }
  return found.flatMap((one) => {
    const key = `${one.rule} ${one.id}`;
    const fresh = nowMs - (last.get(key) ?? 0) > HOUR_MS;
    last.set(key, nowMs);
    return fresh ? [{ ...one, atMs: nowMs }] : [];
  });
}

interface Replay {
  readonly labels: readonly AttackLabel[];
  readonly parties: ReadonlyMap<AttackLabel, ReadonlySet<string>>;
  readonly rules: readonly Raised[];
  readonly fixed: readonly Raised[];
}

/** Stores a seed's traffic and runs both detectors on it, for every five minutes of nine days. */
async function replay(endpoint: string, seed: number): Promise<Replay> {
  const options = { seed, startMs: START_MS, days: DAYS, eventsPerDay: EVENTS_PER_DAY };
  const judgedMs = START_MS + JUDGED_FROM_DAY * DAY_MS;
  const isJudged = ({ occurred_at }: OAuthEvent) => Date.parse(occurred_at) >= judgedMs;
  const attacked = generateTraffic({ ...options, attacks: "every-day" });
  // The rules learn on quiet days. The benign events are the same with and without attacks.
  const quiet = generateTraffic({ ...options, attacks: "none" });
  const events = [
    ...quiet.events.filter((event) => !isJudged(event)),
    ...attacked.events.filter(isJudged),
  ];
  const world = await createWorldAt(endpoint);
  const clock = () => START_MS + DAYS * DAY_MS;
  const registered = new Map<string, number>();
  for (let start = 0; start < events.length; start += 1000) {
    const { retry } = await storeEvents(world, events.slice(start, start + 1000), {
      clock,
      registered,
    });
    if (retry.length > 0) throw new Error(retry[0]?.reason);
  }
  // A second notification is sent when an alert's risk rises. The map counts the alert once.
  const rules = new Map<string, Raised>();
  const fixed: Raised[] = [];
  const lastFixed = new Map<string, number>();
  const context = {
    ...world.context,
    clock,
    sink: { publish: async () => {} },
    notify: async ({ alert_id, state, rule, subject, opened_at }: Alert) => {
      if (state !== "open") return;
      rules.set(`${alert_id} ${opened_at}`, { rule, ...subject, atMs: Date.parse(opened_at) });
    },
  };
  for (let atMs = START_MS + STEP_MS; atMs <= START_MS + DAYS * DAY_MS; atMs += STEP_MS) {
    const snapshot = await readSnapshot(context, atMs);
    await keepAlerts(context, snapshot);
    fixed.push(...fixedThresholds(snapshot, lastFixed));
  }
  const judged = attacked.labels.filter(({ startMs }) => startMs >= judgedMs);
  const since = ({ atMs }: Raised) => atMs >= judgedMs;
  return {
    labels: judged,
    parties: new Map(judged.map((label) => [label, involved(label, events)])),
    rules: [...rules.values()].filter(since),
    fixed: fixed.filter(since),
  };
}

/** Whether an alert belongs to an attack. */
function isOf({ parties }: Replay, raised: Raised, label: AttackLabel): boolean {
  return (
    raised.atMs >= label.startMs &&
    raised.atMs <= label.endMs + LATE_MS &&
    parties.get(label)?.has(`${raised.kind} ${raised.id}`) === true
  );
}

const percent = (part: number, total: number) =>
  total === 0 ? "–" : `${Math.round((100 * part) / total)}%`;

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * Returns the precision by rule. One of our alerts is correct if its rule is expected to find the attack. An alert from
 * a fixed threshold is correct for any attack.
 */
function precision(replays: readonly Replay[]): BenchmarkTable {
  const rows = Object.keys(ANOMALY_RULES).map((rule) => {
    let [alerts, own] = [0, 0];
    for (const each of replays) {
      for (const raised of each.rules.filter((one) => one.rule === rule)) {
        alerts += 1;
        const explained = each.labels.some(
          (label) => EXPECTED[label.attack].includes(rule) && isOf(each, raised, label),
        );
        if (explained) own += 1;
      }
    }
    return [rule, alerts, own, percent(own, alerts)];
  });
  const fixedRules = [...new Set(replays.flatMap(({ fixed }) => fixed.map(({ rule }) => rule)))];
  for (const rule of fixedRules) {
    let [alerts, own] = [0, 0];
    for (const each of replays) {
      for (const raised of each.fixed.filter((one) => one.rule === rule)) {
        alerts += 1;
        if (each.labels.some((label) => isOf(each, raised, label))) own += 1;
      }
    }
    rows.push([`fixed: ${rule}`, alerts, own, percent(own, alerts)]);
  }
  return {
    title: "Precision by rule",
    columns: ["rule", "alerts", "of an attack", "precision"],
    rows,
  };
}

/** Returns recall and time to detect by attack, compared with the fixed thresholds. */
function recall(replays: readonly Replay[]): BenchmarkTable {
  const rows = ATTACKS.map((attack) => {
    let labels = 0;
    const delays: number[] = [];
    const fixedDelays: number[] = [];
    for (const each of replays) {
      for (const label of each.labels.filter((one) => one.attack === attack)) {
        labels += 1;
        const first = (raised: readonly Raised[]) =>
          Math.min(...raised.filter((one) => isOf(each, one, label)).map(({ atMs }) => atMs));
        const own = first(each.rules.filter(({ rule }) => EXPECTED[attack].includes(rule)));
        const fixed = first(each.fixed);
        if (Number.isFinite(own)) delays.push(own - label.startMs);
        if (Number.isFinite(fixed)) fixedDelays.push(fixed - label.startMs);
      }
    }
    const minutes = (values: readonly number[]) => {
      const middle = median(values);
      return middle === undefined ? "–" : Math.round(middle / MINUTE_MS);
    };
    return [
      attack,
      labels,
      percent(delays.length, labels),
      minutes(delays),
      percent(fixedDelays.length, labels),
      minutes(fixedDelays),
    ];
  });
  return {
    title: "Recall and time to detect by attack",
    columns: [
      "attack",
      "planted",
      "recall",
      "median minutes",
      "recall, fixed thresholds",
      "median minutes, fixed",
    ],
    rows,
  };
}

/** Measures the anomaly rules' precision, recall and time to detect on labelled traffic. */
export const detection: Benchmark = {
  name: "detection",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const replays: Replay[] = [];
      for (const seed of SEEDS) {
        report(`seed ${seed}: ${DAYS} days of about ${EVENTS_PER_DAY} events`);
        replays.push(await replay(store.endpoint, seed));
      }
      const unexplained = replays.flatMap((each) =>
        each.rules.filter(
          (raised) =>
            !each.labels.some(
              (label) => EXPECTED[label.attack].includes(raised.rule) && isOf(each, raised, label),
            ),
        ),
      );
      for (const { rule, kind, id, atMs } of unexplained) {
        report(
          `not explained by an attack: ${rule} ${kind} ${id} at ${new Date(atMs).toISOString()}`,
        );
      }
      const evaluation = await evaluate(testSeeds(), report);
      return [precision(replays), recall(replays), ...evaluation];
    } finally {
      await store.close();
    }
  },
};

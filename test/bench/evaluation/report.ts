import { HOUR_MS, MINUTE_MS, toInstant } from "../../../shared/core/clock.ts";
import { isInBlock } from "../../../shared/events/ip-network.ts";
import type { BenchmarkTable } from "../benchmark.ts";
import type { CaseLabel } from "./labelled-case.ts";
import type { Raised } from "./run-detectors.ts";

/** The results of one test day. */
export interface JudgedDay {
  readonly labels: readonly CaseLabel[];
  /** Alerts from the product's rules. */
  readonly rules: readonly Raised[];
  /** Alerts from the compared rules. */
  readonly compared: readonly Raised[];
}

/** An alert counts for a case if it comes at most this long after the case's last event. */
const LATE_MS = HOUR_MS;

/** Whether a subject is one of the parties, or a network with several of them. */
function isParty(subject: string, parties: ReadonlySet<string>): boolean {
  const network = /^network (.+)$/.exec(subject)?.[1];
  if (network === undefined) return parties.has(subject);
  const inside = [...parties].filter(
    (party) => party.startsWith("ip ") && isInBlock(party.slice(3), network),
  );
  return inside.length > 1;
}

export function isOf({ subject, atMs }: Raised, label: CaseLabel): boolean {
  return atMs >= label.startMs && atMs <= label.endMs + LATE_MS && isParty(subject, label.parties);
}

const percent = (part: number, total: number) =>
  total === 0 ? "–" : `${Math.round((100 * part) / total)}%`;

const isAttackAlert = (raised: Raised, labels: readonly CaseLabel[]) =>
  labels.some((label) => label.kind === "attack" && isOf(raised, label));

function precisionRow(
  name: string,
  days: readonly JudgedDay[],
  choose: (day: JudgedDay) => readonly Raised[],
): (string | number)[] {
  const hits = days.flatMap((day) =>
    choose(day).map((raised) => isAttackAlert(raised, day.labels)),
  );
  const right = hits.filter(Boolean).length;
  const perDay = (count: number) => Math.round((10 * count) / days.length) / 10;
  return [name, perDay(hits.length), perDay(hits.length - right), percent(right, hits.length)];
}

const getValues = (days: readonly JudgedDay[], read: (raised: Raised) => string | undefined) =>
  [...new Set(days.flatMap(({ rules }) => rules.map(read)))].filter((one) => one !== undefined);

/** Returns the precision of each rule, of each risk level, and of each compared rule. */
export function precisionTable(
  days: readonly JudgedDay[],
  comparedNames: readonly string[],
): BenchmarkTable {
  return {
    title: "Alerts per test day, by rule",
    columns: ["rule", "alerts per day", "false alerts per day", "precision"],
    rows: [
      precisionRow("all rules", days, ({ rules }) => rules),
      ...getValues(days, ({ rule }) => rule).map((rule) =>
        precisionRow(rule, days, ({ rules }) => rules.filter((one) => one.rule === rule)),
      ),
      ...getValues(days, ({ risk }) => risk).map((risk) =>
        precisionRow(`risk ${risk}`, days, ({ rules }) => rules.filter((one) => one.risk === risk)),
      ),
      ...comparedNames.map((rule) =>
        precisionRow(rule, days, ({ compared }) => compared.filter((one) => one.rule === rule)),
      ),
    ],
  };
}

/** Returns for each attack whether it was found, how soon, and with how many alerts and incidents. */
export function attackTable(days: readonly JudgedDay[]): BenchmarkTable {
  const names = [...new Set(days.flatMap(({ labels }) => filterAttacks(labels)))];
  let found = 0;
  const rows = names.map((name) => {
    const of = days.flatMap(({ labels, rules, compared }) =>
      labels
        .filter((label) => label.name === name)
        .map((label) => ({
          label,
          own: rules.filter((one) => isOf(one, label)),
          compared: compared.some((one) => isOf(one, label)),
        })),
    );
    const hits = of.filter(({ own }) => own.length > 0);
    found += hits.length;
    const minutes = hits
      .map(({ own, label }) => Math.min(...own.map(({ atMs }) => atMs)) - label.startMs)
      .sort((a, b) => a - b);
    const middle = minutes[Math.floor(minutes.length / 2)];
    const incidents = of.flatMap(({ own }) => [...new Set(own.map(({ caseId }) => caseId))]);
    return [
      name,
      percent(hits.length, of.length),
      middle === undefined ? "–" : Math.round(middle / MINUTE_MS),
      Math.round((10 * of.flatMap(({ own }) => own).length) / of.length) / 10,
      incidents.filter((id) => id !== undefined).length || "–",
      percent(of.filter((one) => one.compared).length, of.length),
    ];
  });
  const all = days.flatMap(({ labels }) => filterAttacks(labels)).length;
  return {
    title: `Attacks on test days: ${percent(found, all)} found`,
    columns: ["attack", "recall", "median minutes", "alerts", "cases", "recall, compared rules"],
    rows,
  };
}

const filterAttacks = (labels: readonly CaseLabel[]) =>
  labels.filter(({ kind }) => kind === "attack").map(({ name }) => name);

/** Returns the day's false alerts, one per line, for tuning a rule. */
export function falseAlerts({ labels, rules }: JudgedDay): string[] {
  return rules
    .filter((raised) => !isAttackAlert(raised, labels))
    .map(
      ({ rule, subject, atMs, risk, message }) =>
        `no attack: ${toInstant(atMs)} ${rule} ${risk} ${subject}: ${message}`,
    );
}

/** Returns the false alerts by benign case. An alert that matches two cases counts for both. */
export function benignTable(days: readonly JudgedDay[]): BenchmarkTable {
  const counts = new Map<string, Map<string, number>>();
  for (const { labels, rules } of days) {
    for (const { name, kind } of labels) {
      if (kind === "benign") counts.set(name, counts.get(name) ?? new Map());
    }
    for (const raised of rules.filter((one) => !isAttackAlert(one, labels))) {
      const explaining = labels.filter((label) => label.kind === "benign" && isOf(raised, label));
      const names = explaining.length > 0 ? explaining.map(({ name }) => name) : ["ordinary day"];
      for (const name of names) {
        const byRule = counts.get(name) ?? new Map<string, number>();
        byRule.set(raised.rule, (byRule.get(raised.rule) ?? 0) + 1);
        counts.set(name, byRule);
      }
    }
  }
  const rows = [...counts].map(([name, byRule]) => {
    const sum = [...byRule.values()].reduce((total, count) => total + count, 0);
    const rules = [...byRule].map(([rule, count]) => `${rule} ${count}`).join(", ");
    return [name, Math.round((10 * sum) / days.length) / 10, rules || "–"];
  });
  return {
    title: "False alerts per test day, by benign case",
    columns: ["case", "false alerts per day", "rules, over all days"],
    rows,
  };
}

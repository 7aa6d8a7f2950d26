import { parseMonitoringConfig } from "../../../shared/config/monitoring-config.ts";
import type { BenchmarkTable } from "../benchmark.ts";
import {
  effectOfPolicies,
  type JudgedPolicy,
  type PolicyDay,
  type PolicyEffect,
} from "./policy-effect.ts";
import { RECOMMENDED } from "./recommended-policies.ts";

/** Block duration when rules are evaluated one by one. It equals the default. */
const BLOCK_MINUTES = 60;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const percent = (part: number, total: number) =>
  total === 0 ? "–" : `${Math.round((100 * part) / total)}%`;

/** Returns the daily averages of the policies' effect, and the share of attacks with denied calls. */
function cells(effects: readonly PolicyEffect[], attacks: number): (string | number)[] {
  const perDay = (read: (effect: PolicyEffect) => number) =>
    Math.round((10 * sum(effects.map(read))) / effects.length) / 10;
  const stopped = effects.flatMap((each) => each.attacks.filter(({ denied }) => denied > 0));
  return [
    perDay(({ actions }) => actions),
    perDay(({ wrongActions }) => wrongActions),
    perDay(({ wronglyRevokedTokens }) => wronglyRevokedTokens),
    perDay(({ blockedCallerMinutes }) => blockedCallerMinutes),
    percent(stopped.length, attacks),
  ];
}

const COLUMNS = [
  "actions per day",
  "wrong actions per day",
  "tokens wrongly revoked per day",
  "minutes of blocked callers per day",
  "attacks with denied calls",
];

/** Returns the recommended policies with the given modes. */
function recommended(modes: readonly string[]): Record<string, JudgedPolicy> {
  const { rules } = parseMonitoringConfig({ responses: RECOMMENDED }).responses;
  return Object.fromEntries(Object.entries(rules).filter(([, { mode }]) => modes.includes(mode)));
}

/** Returns the cost of each rule's policy alone, and of the recommended policies together. */
function costTable(days: readonly PolicyDay[]): BenchmarkTable {
  const attacks = sum(
    days.map(({ labels }) => labels.filter((one) => one.kind === "attack").length),
  );
  const computeEffects = (policies: Record<string, JudgedPolicy>, ceiling?: number) =>
    days.map((day) => effectOfPolicies(day, policies, ceiling));
  const opened = days.flatMap((day) => day.opened);
  const rules = [...new Set(opened.map(({ rule }) => rule))].sort();
  const alone = rules.flatMap((rule) => {
    const subjects = new Set(
      opened.filter((one) => one.rule === rule).map((one) => one.subject.kind),
    );
    // IP addresses are always blocked, and reasons are not principals.
    const canRevoke = ["token", "user", "client"].some((kind) => subjects.has(kind));
    return (["block", ...(canRevoke ? (["revoke"] as const) : [])] as const).map((action) => {
      const policy = { action, blockMinutes: BLOCK_MINUTES };
      return [rule, action, ...cells(computeEffects({ [rule]: policy }), attacks)];
    });
  });
  const ceiling = RECOMMENDED.actionsPerHour;
  return {
    title: `Policies: each rule alone with ${BLOCK_MINUTES}-minute blocks, and the recommended policies`,
    columns: ["rule", "action", ...COLUMNS],
    rows: [
      ...alone,
      [
        "recommended: enforced",
        "",
        ...cells(computeEffects(recommended(["enforce"]), ceiling), attacks),
      ],
      [
        "recommended: every proposal approved immediately",
        "",
        ...cells(computeEffects(recommended(["enforce", "propose"])), attacks),
      ],
    ],
  };
}

/** Returns the outcome of each attack under the recommended policies. */
function outcomeTable(days: readonly PolicyDay[]): BenchmarkTable {
  const computeOutcomes = (modes: readonly string[], ceiling?: number) =>
    days.flatMap((day) => effectOfPolicies(day, recommended(modes), ceiling).attacks);
  const enforced = computeOutcomes(["enforce"], RECOMMENDED.actionsPerHour);
  const approved = computeOutcomes(["enforce", "propose"]);
  const describe = (outcomes: typeof enforced, name: string) => {
    const of = outcomes.filter((one) => one.name === name);
    const before = of
      .filter(({ denied }) => denied > 0)
      .map(({ callsBefore }) => callsBefore)
      .sort((a, b) => a - b);
    return [
      percent(sum(of.map(({ denied }) => denied)), sum(of.map(({ calls }) => calls))),
      before[Math.floor(before.length / 2)] ?? "–",
    ];
  };
  return {
    title: "Attacks under the recommended policies",
    columns: [
      "attack",
      "calls",
      "denied when enforced",
      "calls before",
      "denied when every proposal is approved immediately",
      "calls before",
    ],
    rows: [...new Set(enforced.map(({ name }) => name))].map((name) => [
      name,
      Math.round(
        sum(enforced.filter((one) => one.name === name).map(({ calls }) => calls)) / days.length,
      ),
      ...describe(enforced, name),
      ...describe(approved, name),
    ]),
  };
}

/** Returns the tables that show what policies cost and prevent on labelled days. */
export function policyTables(days: readonly PolicyDay[]): readonly BenchmarkTable[] {
  return [costTable(days), outcomeTable(days)];
}

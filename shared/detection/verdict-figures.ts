import type { Alert } from "./alert.ts";
import { type AlertReview, subjectOfRule, type VERDICTS } from "./verdicts.ts";

/** What administrators found out about the alerts of one rule. */
export interface VerdictFigures {
  readonly rule: string;
  /** Subjects that the rule raised; several alerts about one subject are one. */
  readonly subjects: number;
  /** How many of them have each verdict. */
  readonly true: number;
  readonly false: number;
  readonly benign: number;
  /** The share that was an attack of those that have a verdict; absent while none has one. */
  readonly precision?: number;
}

/** Figures by rule, from the verdicts on alerts; the rules with most verdicts first. */
export function verdictFigures(
  alerts: readonly (Pick<Alert, "rule" | "subject"> & {
    readonly review?: Pick<AlertReview, "verdict"> | undefined;
  })[],
): VerdictFigures[] {
  const subjects = [...new Map(alerts.map((alert) => [subjectOfRule(alert), alert])).values()];
  const judgedOf = (of: VerdictFigures) => of.true + of.false + of.benign;
  return [...new Set(subjects.map(({ rule }) => rule))]
    .map((rule): VerdictFigures => {
      const own = subjects.filter((alert) => alert.rule === rule);
      const count = (verdict: (typeof VERDICTS)[number]) =>
        own.filter(({ review }) => review?.verdict === verdict).length;
      const counts = { true: count("true"), false: count("false"), benign: count("benign") };
      const judged = counts.true + counts.false + counts.benign;
      return {
        rule,
        subjects: own.length,
        ...counts,
        ...(judged > 0 && { precision: counts.true / judged }),
      };
    })
    .sort((a, b) => judgedOf(b) - judgedOf(a) || a.rule.localeCompare(b.rule));
}

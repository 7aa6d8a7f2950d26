import type { Alert } from "./alert.ts";
import { type AlertReview, subjectOfRule, type VERDICTS } from "./verdicts.ts";

/** Number of verdicts on the alerts of one rule. */
export interface VerdictFigures {
  readonly rule: string;
  /** Subjects that the rule raised. Several alerts about one subject count once. */
  readonly subjects: number;
  /** Number of these subjects with each verdict. */
  readonly true: number;
  readonly false: number;
  readonly benign: number;
  /** Share of the judged subjects that were attacks. Absent without a verdict. */
  readonly precision?: number;
}

/** Returns verdict figures by rule. Rules with the most verdicts come first. */
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

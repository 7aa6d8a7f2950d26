import type { Alert } from "./alert.ts";
import { type AlertReview, subjectOfRule, type VERDICTS } from "./verdicts.ts";

/** Number of verdicts on one rule's alerts. */
export interface VerdictFigures {
  readonly rule: string;
  /** Number of subjects for which the rule raised alerts. Several alerts about one subject count once. */
  readonly subjects: number;
  /** Number of these subjects with each verdict. */
  readonly true: number;
  readonly false: number;
  readonly benign: number;
  /** Share of the judged subjects that were attacks. Absent if there are no verdicts. */
  readonly precision?: number;
}

/** Returns verdict figures by rule, starting with the rules that have the most verdicts. */
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

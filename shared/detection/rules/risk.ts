/** How much attention an alert deserves. */
export type Risk = "low" | "medium" | "high";

/** The least score of an anomaly: what scores less is no alert. */
export const RAISED_FROM = 40;
const HIGH_FROM = 70;

/** What each further rule adds to the score of what is found about the same people. */
export const FURTHER_RULE = 8;

/** The risk of a score: low below 40, high from 70 on. */
export function riskOf(score: number): Risk {
  if (score >= HIGH_FROM) return "high";
  return score >= RAISED_FROM ? "medium" : "low";
}

/** Words of scopes that let their holder change, delete, pay, administer, or stay for long. */
const SENSITIVE =
  /(^|[:._\-/])(admin|write|delete|manage|all|full|payments?|transfer|offline_access)($|[:._\-/])/i;

/** Whether a scope lets its holder do more than read. */
export function isSensitive(scope: string): boolean {
  return SENSITIVE.test(scope);
}

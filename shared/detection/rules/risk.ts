/** Risk level of an alert. */
export type Risk = "low" | "medium" | "high";

/** Minimum score at which an anomaly raises an alert. */
export const RAISED_FROM = 40;
/** Minimum score for high risk. */
const HIGH_FROM = 70;

/** Points that each additional rule adds to the score if the findings are about the same people. */
export const FURTHER_RULE = 8;

/** Returns the risk for a score: low below 40, high from 70. */
export function riskOf(score: number): Risk {
  if (score >= HIGH_FROM) return "high";
  return score >= RAISED_FROM ? "medium" : "low";
}

/** Words in scopes that allow changes, deletion, payments, administration or long-lived access. */
const SENSITIVE =
  /(^|[:._\-/])(admin|write|delete|manage|all|full|payments?|transfer|offline_access)($|[:._\-/])/i;

/** Whether a scope allows more than read access. */
export function isSensitive(scope: string): boolean {
  return SENSITIVE.test(scope);
}

import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { unusualHours } from "./unusual-hours.ts";

/** A client, or callers without one, with far more failures than usual, from however many addresses. */
export const failureRate: AnomalyRule<AnomaliesConfig["rules"]["failure_rate"]> = {
  name: "failure_rate",
  catches:
    "credential stuffing spread over many addresses, each of them below every limit; a client that broke",
  falsePositives: "an outage of the identity provider, a mass revocation, a broken release",
  advice: "Look at the failures by address and endpoint of that hour; consider a WAF rate rule.",
  examples: "failures",
  find: ({ failures, historyStartMs, nowMs }, parameters) =>
    unusualHours(failures, historyStartMs, nowMs, parameters, "failed calls"),
};

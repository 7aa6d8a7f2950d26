import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { unusualHours } from "./unusual-hours.ts";

/** A client, or callers without one, with far more failures than usual, from any number of addresses. */
export const failureRate: AnomalyRule<AnomaliesConfig["rules"]["failure_rate"]> = {
  name: "failure_rate",
  catches: "credential stuffing from many addresses, each below every limit; a broken client",
  falsePositives: "an outage of the identity provider, a mass revocation, a broken release",
  advice: "Look at that hour's failures by address and endpoint; consider a WAF rate rule.",
  examples: "failures",
  find: ({ failures, historyStartMs, nowMs }, parameters) =>
    unusualHours(failures, historyStartMs, nowMs, parameters, "failed calls"),
};

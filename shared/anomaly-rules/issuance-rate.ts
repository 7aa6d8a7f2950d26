import type { AnomaliesConfig } from "../config/anomaly-parameters.ts";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { unusualHours } from "./unusual-hours.ts";

/** A client that gets far more tokens than usual. */
export const issuanceRate: AnomalyRule<AnomaliesConfig["rules"]["issuance_rate"]> = {
  name: "issuance_rate",
  catches: "a runaway or abused client: far more tokens issued in an hour than in comparable hours",
  falsePositives: "launches, campaigns, load tests, and a deploy that drops every cached token",
  advice:
    "Ask the client's owner; if nobody can explain it, rotate the client's secret and revoke its tokens.",
  examples: "all",
  find: ({ issuance, historyStartMs, nowMs }, parameters) =>
    unusualHours(issuance, historyStartMs, nowMs, parameters, "tokens issued"),
};

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ANOMALY_RULES } from "../../shared/detection/rules/find-anomalies.ts";

describe("example events of an alert", () => {
  it("are failures when the rule counts failures", () => {
    const rules = Object.values(ANOMALY_RULES);
    const ofFailures = rules.filter(({ examples }) => examples === "failures");
    expect(ofFailures.map(({ name }) => name).sort()).toEqual([
      "credential_reuse",
      "dead_tokens",
      "failure_burst",
      "failure_rate",
      "foreign_sessions",
      "network_guessing",
      "outage",
      "persistent_failures",
      "revoked_token",
      "scope_probing",
    ]);
  });

  it("are chosen by the rule instead of by code that names rules", () => {
    const file = join(import.meta.dirname, "../../shared/detection/detect-anomalies.ts");
    const text = readFileSync(file, "utf8");
    expect(Object.keys(ANOMALY_RULES).filter((name) => text.includes(name))).toEqual([]);
  });
});

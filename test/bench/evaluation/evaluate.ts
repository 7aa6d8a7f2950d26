import { startDynamoDbLocal } from "../../../local/services/dynamodb-local.ts";
import type { BenchmarkTable } from "../benchmark.ts";
import { FIXED_THRESHOLDS } from "./compared-rules.ts";
import { generateEvaluation } from "./generate-evaluation.ts";
import type { OpenedAlert, PolicyDay } from "./policy-effect.ts";
import { policyTables } from "./policy-report.ts";
import { PUBLISHED_RULES } from "./published-rules.ts";
import { attackTable, benignTable, falseAlerts, type JudgedDay, precisionTable } from "./report.ts";
import { runCountRule, runDetection } from "./run-detectors.ts";
import type { EvaluationSeed, SeedPurpose } from "./seeds.ts";

const COMPARED = [...FIXED_THRESHOLDS, ...PUBLISHED_RULES];

/** Runs the detection on the days of the given seeds and returns the report's tables. */
export async function evaluate<Purpose extends SeedPurpose>(
  seeds: readonly EvaluationSeed<Purpose>[],
  report: (line: string) => void,
  options: { readonly enrichment?: boolean } = {},
): Promise<readonly BenchmarkTable[]> {
  const store = await startDynamoDbLocal({ port: 0 });
  try {
    const days: JudgedDay[] = [];
    const policyDays: PolicyDay[] = [];
    for (const seed of seeds) {
      const traffic = generateEvaluation(seed, options);
      const { events, labels } = traffic;
      report(`${seed.purpose} seed ${seed.number}: ${events.length} events of eight days`);
      const opened: OpenedAlert[] = [];
      const rules = await runDetection(store.endpoint, traffic, ({ rule, subject, opened_at }) => {
        opened.push({ rule, subject, atMs: Date.parse(opened_at) });
      });
      policyDays.push({ events, labels, opened });
      const compared = COMPARED.flatMap((rule) => runCountRule(rule, events));
      const day = { labels, rules, compared };
      if (seed.purpose === "train") for (const line of falseAlerts(day)) report(line);
      days.push(day);
    }
    return [
      precisionTable(
        days,
        COMPARED.map(({ name }) => name),
      ),
      attackTable(days),
      benignTable(days),
      ...policyTables(policyDays),
    ];
  } finally {
    await store.close();
  }
}

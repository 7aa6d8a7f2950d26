import * as z from "zod";
import { parseInput } from "../../shared/core/errors.ts";
import { type Report, table } from "../../shared/core/terminal.ts";
import {
  BREAK_EVEN_UTILIZATION,
  type CostQuestion,
  estimateCost,
  PROFILES,
  type ProfileName,
} from "../../shared/cost/estimate.ts";
import { PRICES_DATE, PRICES_REGION } from "../../shared/cost/prices.ts";
import type { ReportCommand } from "../program/report-command.ts";

const PROFILE_NAMES = Object.keys(PROFILES) as [ProfileName, ...ProfileName[]];

/** Accepts a number as a string. Rejects an empty string. */
const fromText = (schema: z.ZodNumber) =>
  z.string().regex(/\d/, "a number").pipe(z.coerce.number()).pipe(schema);

const costSchema = z.object({
  callsPerSecond: fromText(z.number().min(0.001).max(1_000_000)),
  failures: fromText(z.number().min(0).max(100)),
  retention: fromText(z.number().int().min(1).max(3650)),
  profile: z.enum(PROFILE_NAMES),
});

const dollars = (amount: number) =>
  amount.toLocaleString("en", { style: "currency", currency: "USD" });

function formatText(
  { callsPerMonth, bill, alternatives }: ReturnType<typeof estimateCost>,
  { profile }: CostQuestion,
): string {
  const gateway = bill.parts.find(({ part }) => part === "API Gateway")?.dollars ?? 0;
  const parts = bill.parts
    .filter(({ part }) => part !== "API Gateway")
    .map((line) => [line.part, dollars(line.dollars)]);
  return [
    `Monthly cost of ${Math.round(callsPerMonth).toLocaleString("en")} calls, profile ${profile}, once deletion keeps up with new events.`,
    `${PRICES_REGION} list prices as of ${PRICES_DATE}, excluding free tiers and tax.`,
    "",
    table(["Part", "Per month"], [...parts, ["All combined", dollars(bill.total)]]),
    "",
    `API Gateway itself costs ${dollars(gateway)} in addition.`,
    "",
    table(
      ["Alternative", "Per month"],
      alternatives.map((alternative) => [alternative.name, dollars(alternative.dollars)]),
    ),
    "",
    `Provisioned capacity is cheaper if its average utilization is above ${(100 * BREAK_EVEN_UTILIZATION).toFixed(0)}%.`,
  ].join("\n");
}

async function cost(options: unknown): Promise<Report> {
  const { callsPerSecond, failures, retention, profile } = parseInput(
    costSchema,
    "the options",
    options,
  );
  const question = { callsPerSecond, failures: failures / 100, retentionDays: retention, profile };
  const answer = estimateCost(question);
  const json = {
    calls_per_month: Math.round(answer.callsPerMonth),
    profile,
    prices: { region: PRICES_REGION, date: PRICES_DATE },
    parts: answer.bill.parts,
    dollars_without_api_gateway: answer.bill.total,
    alternatives: answer.alternatives,
    break_even_utilization: BREAK_EVEN_UTILIZATION,
  };
  return { json, text: formatText(answer, question) };
}

export function registerCost(program: ReportCommand): void {
  program
    .command("cost")
    .description("estimate the monthly cost by component and compare alternatives")
    .requiredOption("--calls-per-second <number>", "average API calls per second")
    .option("--failures <percent>", "percentage of denied calls", "1")
    .option("--retention <days>", "retention of events in days", "90")
    .option("--profile <name>", "cost profile: default or lean", "default")
    .examples(
      "cost --calls-per-second 50",
      "cost --calls-per-second 1000 --failures 5 --retention 30 --profile lean --json",
    )
    .run(cost);
}

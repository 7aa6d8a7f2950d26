import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import {
  BREAK_EVEN_UTILIZATION,
  type CostQuestion,
  estimateCost,
  SECONDS_A_MONTH,
  unitsOfBatch,
} from "../../shared/cost/estimate.ts";
import { PRICES, toDollars } from "../../shared/cost/prices.ts";

const QUESTION = {
  callsPerSecond: 1000,
  failures: 0.05,
  retentionDays: 90,
  profile: "default",
} as const;

/** Returns dollars per million calls: for the calls themselves, and for keeping their events. */
function perMillion(given: Partial<CostQuestion>) {
  const question = { ...QUESTION, ...given };
  const { bill, callsPerMonth } = estimateCost(question);
  const of = (names: readonly string[]) =>
    (bill.parts.reduce((sum, each) => sum + (names.includes(each.part) ? each.dollars : 0), 0) *
      1_000_000) /
    callsPerMonth;
  const kept = of(["storage", "recovery"]);
  const fixed = of(["keys", "detection and cleanup", "metrics, alarms, dashboard"]);
  return { calls: (bill.total * 1_000_000) / callsPerMonth - kept - fixed, kept };
}

describe("prices", () => {
  it("have a unit and an AWS pricing page", () => {
    for (const { dollars, per, unit, source } of Object.values(PRICES)) {
      expect(dollars * per).toBeGreaterThan(0);
      expect(unit).not.toBe("");
      expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
    }
    expect(toDollars("dynamodb.write", 1_000_000)).toBe(0.625);
  });
});

describe("estimateCost", () => {
  it("falls per call with the load, because larger batches share counters and batch items", () => {
    const [slow, fast] = [perMillion({ callsPerSecond: 1 }), perMillion({})];
    expect(fast.calls).toBeLessThan(slow.calls * 0.6);
    const config = parseMonitoringConfig({});
    const writes = [1, 10, 100, 500].map(
      (size) => unitsOfBatch(size, 1, 0.05, config).counters / size,
    );
    expect(writes.toSorted((a, b) => b - a)).toEqual(writes);
  });

  it("counts the empty receives of the five pollers that Lambda starts for each queue", () => {
    const queue = (callsPerSecond: number) =>
      estimateCost({ ...QUESTION, callsPerSecond }).bill.parts.find(({ part }) => part === "queue")
        ?.dollars ?? 0;
    const emptyReceives = toDollars("sqs.request", (5 * SECONDS_A_MONTH) / 20);
    expect(queue(0.001)).toBeCloseTo(2 * emptyReceives, 1);
    // At 100 calls a second, no poller of the first queue waits. Each call is sent, received and deleted.
    const messages = toDollars("sqs.request", 100 * SECONDS_A_MONTH * (1 + 1 + 0.1));
    expect(queue(100)).toBeCloseTo(emptyReceives + messages, 5);
  });

  it("follows the profile, the share of denied calls and the retention", () => {
    const usual = perMillion({});
    const lean = perMillion({ profile: "lean" });
    expect(lean.calls).toBeLessThan(usual.calls - 1);
    expect(perMillion({ failures: 0.1 }).calls).toBeGreaterThan(usual.calls);
    expect(perMillion({ retentionDays: 30 }).kept).toBeLessThan(usual.kept * 0.5);
  });

  it("compares the cost of the alternatives", () => {
    const { alternatives, bill } = estimateCost({ ...QUESTION, profile: "lean" });
    const [usual, lean, provisioned] = alternatives.map(({ dollars }) => dollars);
    expect(lean).toBe(bill.total);
    expect(lean).toBeLessThan(usual as number);
    expect(provisioned).toBeLessThan(lean as number);
    expect(BREAK_EVEN_UTILIZATION).toBeCloseTo(0.289, 3);
  });
});

describe("oauth-monitoring cost", () => {
  let printed: string[] = [];
  const cost = (...args: string[]) => run(["node", "oauth-monitoring", "cost", ...args]);
  beforeEach(() => {
    printed = [];
    const keep = (text: unknown) => void printed.push(String(text));
    const written = (text: unknown) => printed.push(String(text)) > 0;
    vi.spyOn(console, "log").mockImplementation(keep);
    vi.spyOn(console, "error").mockImplementation(keep);
    vi.spyOn(process.stdout, "write").mockImplementation(written);
    vi.spyOn(process.stderr, "write").mockImplementation(written);
  });
  afterEach(() => vi.restoreAllMocks());

  it("prints the bill by component and the alternatives without needing a stack", async () => {
    expect(await cost("--calls-per-second", "50", "--failures", "2", "--retention", "30")).toBe(0);
    const text = printed.join("\n");
    expect(text).toContain("131,400,000 calls");
    for (const part of ["authorizer", "events", "storage", "lean profile"]) {
      expect(text).toContain(part);
    }
  });

  it("prints the same bill as JSON", async () => {
    expect(await cost("--calls-per-second", "0.5", "--profile", "lean", "--json")).toBe(0);
    const answer = JSON.parse(printed.join("\n"));
    expect(answer).toMatchObject({ profile: "lean", calls_per_month: 1_314_000 });
    const sum = (answer.parts as { part: string; dollars: number }[])
      .filter(({ part }) => part !== "API Gateway")
      .reduce((total, { dollars }) => total + dollars, 0);
    expect(answer.dollars_without_api_gateway).toBeCloseTo(sum, 6);
  });

  it.each([
    [[], "--calls-per-second"],
    [["--calls-per-second", "many"], "callsPerSecond"],
    [["--calls-per-second", "0"], "callsPerSecond"],
    [["--calls-per-second", "1", "--failures", "101"], "failures: expected at most 100"],
    [["--calls-per-second", "1", "--retention", "0.5"], "retention"],
    [["--calls-per-second", "1", "--profile", "fat"], "expected one of default, lean"],
  ])("rejects %j with a plain error message", async (args, message) => {
    expect(await cost(...args)).toBe(2);
    expect(printed.join("\n")).toContain(message);
  });

  it("shows an example in the help text", async () => {
    expect(await cost("--help")).toBe(0);
    expect(printed.join("\n")).toContain("$ oauth-monitoring cost --calls-per-second 50");
  });
});

describe("docs/cost.md", () => {
  const page = readFileSync(new URL("../../docs/cost.md", import.meta.url), "utf8");

  it("lists the prices that the estimate uses", () => {
    for (const [name, { dollars, per, unit }] of Object.entries(PRICES)) {
      expect(page).toContain(`| ${name} | $${dollars} | ${per.toLocaleString("en")} | ${unit} |`);
    }
  });

  it("lists the estimates for two loads and profiles", () => {
    for (const profile of ["default", "lean"] as const) {
      for (const callsPerSecond of [1, 1000]) {
        const { calls, kept } = perMillion({ profile, callsPerSecond });
        const costs = [calls, kept, calls + kept].map((each) => `$${each.toFixed(2)}`).join(" | ");
        expect(page).toContain(
          `| ${profile} | ${callsPerSecond.toLocaleString("en")} | ${costs} |`,
        );
      }
    }
  });
});

import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import { breakEvenUtilization, estimateCost } from "../../shared/cost/alternatives.ts";
import { billOf, sumsOf } from "../../shared/cost/bill.ts";
import { receives, usageOfMillionCalls, usageOfMonth } from "../../shared/cost/estimate.ts";
import { gatherBatches } from "../../shared/cost/gather-batches.ts";
import { itemSize } from "../../shared/cost/item-size.ts";
import { chunks, readUnits, SECONDS_A_MONTH, writeUnits } from "../../shared/cost/metering.ts";
import { dollarsOf, PRICES } from "../../shared/cost/prices.ts";
import { usageProfile } from "../../shared/cost/usage-profile.ts";

describe("metering", () => {
  it("rounds up like AWS", () => {
    expect([0, 1024, 1025].map(writeUnits)).toEqual([1, 1, 2]);
    expect([0, 4096, 4097].map((bytes) => readUnits(bytes))).toEqual([0.5, 0.5, 1]);
    expect([1, 64 * 1024, 64 * 1024 + 1].map(chunks)).toEqual([1, 1, 2]);
    expect(dollarsOf("dynamodb.write", 1_000_000)).toBe(0.625);
  });

  it("computes the size of a DynamoDB item", () => {
    // Counts names and values. A list or map adds 3 bytes, and each member 1. A number needs one byte per
    // two digits.
    expect(itemSize({ id: "abc", né: true, gone: undefined })).toBe(5 + 4);
    expect(itemSize({ n: 1234, m: -0.5 })).toBe(1 + 3 + (1 + 3));
    expect(itemSize({ l: ["a", null], m: new Map([["k", "v"]]) })).toBe(1 + 7 + (1 + 6));
  });

  it("gives each price a unit and an AWS pricing page", () => {
    for (const { dollars, per, unit, source } of Object.values(PRICES)) {
      expect(dollars * per).toBeGreaterThan(0);
      expect(unit).not.toBe("");
      expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
    }
  });
});

describe("gatherBatches", () => {
  const gather = (times: readonly number[], batchSize = 3, pollers = 1) =>
    gatherBatches(times, (at) => at, { batchSize, windowMs: 1000, pollers }).map(
      ({ items, atMs }) => [items.length, atMs],
    );

  it("returns a batch when it is full or the batch window ends", () => {
    expect(gather([0, 1, 2, 3, 500, 1500])).toEqual([
      [3, 2],
      [2, 1003],
      [1, 2500],
    ]);
    expect(gather([])).toEqual([]);
  });

  it("returns smaller batches when there are several pollers", () => {
    expect(gather([0, 1, 2, 3], 10, 2)).toEqual([
      [2, 1000],
      [2, 1001],
    ]);
  });
});

describe("cost model", () => {
  const calls = async (given: Parameters<typeof usageProfile>[0]) =>
    sumsOf(billOf(await usageOfMillionCalls(usageProfile(given))));

  it("is deterministic and yields lower costs per call for larger batches", async () => {
    const [slow, again, fast] = await Promise.all([
      calls({ callsPerSecond: 1 }),
      calls({ callsPerSecond: 1 }),
      calls({ callsPerSecond: 1000 }),
    ]);
    expect(again).toEqual(slow);
    expect(fast.calls).toBeLessThan(slow.calls * 0.6);
  });

  it("counts requests from the five pollers that Lambda starts for each queue", () => {
    const queueRequests = (callsPerSecond: number) =>
      usageOfMonth(usageProfile({ callsPerSecond })).find(({ part }) => part === "queue")?.quantity;
    const emptyReceivesOfAQueue = (5 * SECONDS_A_MONTH) / 20;
    expect(usageProfile({ callsPerSecond: 1 }).pollers).toBe(5);
    expect(queueRequests(0)).toBe(2 * emptyReceivesOfAQueue);
    // Each of the five pollers receives a message every 50 seconds, so most receive calls return none.
    expect(queueRequests(0.1)).toBeCloseTo(1.6 * emptyReceivesOfAQueue);
    expect(queueRequests(100)).toBe(emptyReceivesOfAQueue);
    // A receive call takes 10 ms, so five pollers make 500 calls per second.
    expect([1, 500, 1000, 100_000].map((perSecond) => receives(1000, perSecond, 5))).toEqual([
      1000, 1000, 500, 100,
    ]);
  });

  it("follows the configuration", async () => {
    const usual = await calls({ callsPerSecond: 100 });
    const wide = await calls({
      callsPerSecond: 100,
      config: { subscriber: { batchWindowSeconds: 20 } },
    });
    const brief = await calls({ callsPerSecond: 100, config: { retention: { defaultDays: 30 } } });
    expect(wide.calls).toBeLessThan(usual.calls);
    expect(brief.kept).toBeLessThan(usual.kept * 0.5);
  });

  it("compares the cost of the alternatives", async () => {
    const question = { callsPerSecond: 100, failures: 0.01, retentionDays: 90 } as const;
    const answer = await estimateCost({ ...question, profile: "lean" });
    const [usual, lean, provisioned] = answer.alternatives.map(({ dollars }) => dollars);
    expect(lean).toBe(answer.dollars);
    expect(lean).toBeLessThan(usual as number);
    expect(provisioned).toBeLessThan(lean as number);
    expect(breakEvenUtilization()).toBeCloseTo(0.289, 3);
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
    for (const part of ["authorizer", "events: packs", "storage", "lean profile"]) {
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
  ])("rejects %j with a plain error message", async (args, said) => {
    expect(await cost(...args)).toBe(2);
    expect(printed.join("\n")).toContain(said);
  });

  it("shows an example in the help text", async () => {
    expect(await cost("--help")).toBe(0);
    expect(printed.join("\n")).toContain("$ oauth-monitoring cost --calls-per-second 50");
  });
});

describe("docs/cost.md", () => {
  it("lists the prices that the model uses", () => {
    const page = readFileSync(new URL("../../docs/cost.md", import.meta.url), "utf8");
    for (const [name, { dollars }] of Object.entries(PRICES)) {
      expect(page).toContain(`| ${name} | ${dollars} |`);
    }
  });
});

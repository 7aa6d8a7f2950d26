import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { synthesizeApp } from "../../local/build/synthesize.ts";
import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { Template } from "../../local/services/template.ts";
import { runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/core/clock.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { billOf, PARTS, scaled, sumsOf, type Usage } from "../../shared/cost/bill.ts";
import { usageOfMillionCalls } from "../../shared/cost/estimate.ts";
import { PRICES, type PriceName } from "../../shared/cost/prices.ts";
import { PROFILES, type ProfileName } from "../../shared/cost/usage-profile.ts";
import { detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import { type CallCount, countCalls } from "../cost/count-calls.ts";
import { profileOfCalls } from "../cost/profile-of-calls.ts";
import { meterStore } from "../cost/store-meter.ts";
import { callsOfDay, crowded, ofHours, type TrafficCall } from "../cost/traffic-calls.ts";
import { createWorldAt, type World } from "../integration/world.ts";
import type { Benchmark, BenchmarkTable } from "./benchmark.ts";
import { writeCostPage } from "./cost-page.ts";
import { sizes } from "./sizes.ts";

const MILLION = 1_000_000;

/**
 * Hours of the day to simulate at their own call rate, set by `COST_HOURS`. Simulating the whole day takes more than an
 * hour.
 */
const USUAL_HOURS = [1, 14];
/**
 * Number of calls at a thousand per second. The `CROWD_BEFORE` calls before them bring counters and batches to a steady
 * state.
 */
const CROWD = 6000;
const CROWD_BEFORE = 2000;
const CROWD_PER_SECOND = 1000;

/** Counted usage in a scene, and the model's estimate. */
interface Scene {
  readonly title: string;
  readonly count: CallCount;
  /** Counted usage, scaled to a million calls. */
  readonly counted: Usage[];
  readonly modelled: Usage[];
}

/** Formats a quantity with at least three significant digits. */
const figure = (quantity: number) =>
  quantity >= 100 ? Math.round(quantity).toLocaleString("en") : quantity.toPrecision(3);

const dollars = (amount: number) => amount.toFixed(2);

function rowsOf({ counted, modelled }: Scene): (string | number)[][] {
  const keys = PARTS.flatMap((part) =>
    (Object.keys(PRICES) as PriceName[]).map((price) => ({ part, price })),
  );
  const find = (usages: readonly Usage[], { part, price }: (typeof keys)[number]) =>
    usages.find((usage) => usage.part === part && usage.price === price)?.quantity ?? 0;
  const cost = (usage: Usage) => billOf([usage])[0]?.dollars ?? 0;
  return keys.flatMap((key) => {
    const [quantity, model] = [find(counted, key), find(modelled, key)];
    if (quantity === 0 && model === 0) return [];
    return [
      [
        key.part,
        key.price,
        figure(quantity),
        figure(model),
        dollars(cost({ ...key, quantity })),
        dollars(cost({ ...key, quantity: model })),
      ],
    ];
  });
}

function billTable(scene: Scene): BenchmarkTable {
  const sums = [scene.counted, scene.modelled].map((usages) => sumsOf(billOf(usages)));
  const sumRow = (name: string, which: "calls" | "kept" | "total") => [
    `**${name}**`,
    "",
    "",
    "",
    ...sums.map((sum) => `**${dollars(sum[which])}**`),
  ];
  return {
    title: scene.title,
    columns: ["part", "metered", "counted", "model", "$ counted", "$ model"],
    rows: [
      ...rowsOf(scene),
      sumRow("a million calls, without API Gateway", "calls"),
      sumRow("keeping their events", "kept"),
      sumRow("both", "total"),
    ],
  };
}

/** Compares the counted cost with the targets. */
function targetTable(scenes: readonly (Scene & { readonly profile: ProfileName })[]) {
  const limits = { default: 5, lean: 3 } as const;
  return {
    title:
      "Targets: a million calls without API Gateway at most 5.00 $ (lean 3.00 $), keeping their events for 90 days at most 2.50 $ (point-in-time recovery is extra)",
    columns: ["scene", "$ calls", "limit", "", "$ kept", "limit", "", "$ recovery"],
    rows: scenes.map(({ title, counted, profile }) => {
      const lines = billOf(counted);
      const { calls } = sumsOf(lines);
      const of = (part: string) => lines.find((line) => line.part === part)?.dollars ?? 0;
      const kept = of("storage");
      const said = (amount: number, limit: number) => (amount <= limit ? "met" : "missed");
      return [
        title.split(":")[0] ?? "",
        dollars(calls),
        dollars(limits[profile]),
        said(calls, limits[profile]),
        dollars(kept),
        "2.50",
        said(kept, 2.5),
        dollars(of("recovery")),
      ];
    }),
  };
}

/** Counts the reads and writes of one run of each scheduled function, after the calls. */
async function scheduleTable(world: World): Promise<BenchmarkTable> {
  const reader = createDocumentClient("interactive", { endpoint: world.endpoint });
  const context = { ...world.context, sink: { publish: async () => {} }, notify: async () => {} };
  const rows: (string | number)[][] = [];
  for (const [name, run] of [
    ["detection", () => detectAnomalies(context, world.time.nowMs)],
    ["cleanup", () => runCleanup(context, { deadlineMs: world.time.nowMs + HOUR_MS })],
  ] as const) {
    const meter = meterStore(world.db, reader, world.clock);
    await run();
    meter.stop();
    const sum = (price: PriceName) =>
      meter.usages.reduce(
        (total, usage) => total + (usage.price === price ? usage.quantity : 0),
        0,
      );
    const calls = Object.values(meter.calls).reduce((total, count) => total + count, 0);
    rows.push([name, calls, sum("dynamodb.read"), sum("dynamodb.write")]);
  }
  return {
    title: "What goes by the clock, a run, after the hour of calls",
    columns: ["run", "round trips", "read units", "write units"],
    rows,
  };
}

const rateOf = (calls: readonly TrafficCall[], hours: number) =>
  calls.length / ((hours * HOUR_MS) / SECOND_MS);

/**
 * Runs a fixed day of traffic through the functions, counts the usage that AWS would meter, and prices it. `COST_HOURS`
 * sets the hours.
 */
export const cost: Benchmark = {
  name: "cost",
  async run(report) {
    const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-cost-"));
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const assembly = await synthesizeApp(join(directory, "cdk.out"));
      const template = new Template(assembly, "http://localhost");
      const day = callsOfDay();
      const hours = sizes("COST_HOURS", USUAL_HOURS);
      const slow = ofHours(day, hours);
      const crowd = crowded(day, CROWD_BEFORE + CROWD, CROWD_PER_SECOND);
      const rates = [
        { name: "one call a second", before: [], calls: slow, rate: rateOf(slow, hours.length) },
        {
          name: "1,000 calls a second",
          before: crowd.slice(0, CROWD_BEFORE),
          calls: crowd.slice(CROWD_BEFORE),
          rate: CROWD_PER_SECOND,
        },
      ];
      const scenes: (Scene & { profile: ProfileName })[] = [];
      const schedules: BenchmarkTable[] = [];
      for (const profile of Object.keys(PROFILES) as ProfileName[]) {
        for (const { name, before, calls, rate } of rates) {
          report(`${name}, ${profile}`);
          const world = await createWorldAt(store.endpoint, PROFILES[profile]);
          if (before.length > 0) await countCalls(world, template, before);
          const count = await countCalls(world, template, calls, report);
          const counted = scaled(count.usages, MILLION / count.calls);
          const modelled = await usageOfMillionCalls(
            profileOfCalls(calls, rate, PROFILES[profile]),
          );
          const failed = ((100 * (count.calls - count.letIn)) / count.calls).toFixed(1);
          const title = `${name}, ${profile}: a million calls by ${count.calls.toLocaleString("en")} at ${figure(rate)} a second, ${failed} % refused, ${count.batches} batches`;
          scenes.push({ title, count, counted, modelled, profile });
          if (schedules.length === 0) schedules.push(await scheduleTable(world));
        }
      }
      const tables = [targetTable(scenes), ...scenes.map(billTable), ...schedules];
      writeCostPage(tables);
      return tables;
    } finally {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

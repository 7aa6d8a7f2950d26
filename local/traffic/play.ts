import { parseArgs } from "node:util";
import * as z from "zod";
import {
  DAY_MS,
  instantSchema,
  MINUTE_MS,
  systemClock,
  toInstant,
} from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/errors.ts";
import { progress, table } from "../../shared/core/terminal.ts";
import { describeLocalStack } from "../../shared/stack/local-stack-file.ts";
import { openTarget } from "../../shared/stack/open-stack.ts";
import { detectOverRange } from "./detect-over-range.ts";
import { type AttackLabel, generateTraffic } from "./generate-traffic.ts";
import { openLocalFront } from "./local-front.ts";
import { publishTraffic } from "./publish-traffic.ts";

const USAGE = `npm run traffic -- [--seed N] [--days N] [--events-per-day N] [--until TIME]

  --seed N            random seed (1); the same seed and times generate the same events
  --days N            number of days (15); the last day contains every attack
  --events-per-day N  benign events on a working day (6000)
  --until TIME        end of the last day, such as 2026-11-23T10:00:00Z (now)

Needs a local stack: npm start.`;

/** Traffic ends at a multiple of five minutes, so that a second run soon afterwards generates the same events. */
const GRID_MS = 5 * MINUTE_MS;

const argumentsSchema = z.object({
  seed: z.coerce.number().int().default(1),
  days: z.coerce.number().int().min(1).max(60).default(15),
  "events-per-day": z.coerce.number().int().min(1).max(1_000_000).default(6000),
  until: instantSchema.optional(),
});

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      days: { type: "string" },
      "events-per-day": { type: "string" },
      until: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const parsed = argumentsSchema.safeParse(values);
  if (!parsed.success) throw new Error(`${explain(parsed.error)}\n\n${USAGE}`);
  return parsed.data;
}

/** Formats the planted attacks as a table. */
function attackTable(labels: readonly AttackLabel[]): string {
  const time = (atMs: number) => toInstant(atMs).slice(0, 16).replace("T", " ");
  return table(
    ["Attack", "At", "From", "Until (UTC)", "What to look for"],
    labels.map(({ attack, subject, startMs, endMs, description }) => [
      attack,
      `${subject.kind} ${subject.id}`,
      time(startMs),
      time(endMs).slice(11),
      description,
    ]),
  );
}

async function play(): Promise<void> {
  const options = readArguments();
  if (!options) {
    console.log(USAGE);
    return;
  }
  const stack = describeLocalStack();
  const target = { ...openTarget(stack), front: openLocalFront(stack.url) };
  const untilMs = options.until ? Date.parse(options.until) : systemClock();
  const toMs = untilMs - (options.until ? 0 : untilMs % GRID_MS);
  const traffic = generateTraffic({
    seed: options.seed,
    startMs: toMs - options.days * DAY_MS,
    days: options.days,
    eventsPerDay: options["events-per-day"],
    attacks: "last-day",
  });

  const startedMs = systemClock();
  await publishTraffic(target, traffic, progress);
  const seconds = Math.round((systemClock() - startedMs) / 1000);
  progress("");
  console.log(`Stored ${traffic.events.length} events in ${seconds} s.`);
  const detected = await detectOverRange(target.front, { fromMs: toMs - DAY_MS, toMs }, progress);
  progress("");
  console.log(
    detected
      ? "Ran the anomaly detection for every five minutes of the last day."
      : "Skipped the anomaly detection: the stack has no detection schedule.",
  );
  console.log(`\n${attackTable(traffic.labels)}\n`);
  console.log(`Dashboard: ${stack.url}/admin/oauth/dashboard`);
  console.log("Security events: npx oauth-monitoring security-report");
}

play().catch((error: unknown) => {
  progress("");
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

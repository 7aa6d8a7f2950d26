import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import { DAY_MS, HOUR_MS, MINUTE_MS, systemClock, toInstant } from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/errors.ts";
import { progress, table } from "../../shared/core/terminal.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { describeLocalStack } from "../../shared/stack/local-stack-file.ts";
import { openTarget } from "../../shared/stack/open-stack.ts";
import { alertLine, caseText } from "./case-text.ts";
import { moveEvents, readExportedEvents } from "./exported-events.ts";
import { generateTraffic, type Traffic } from "./generate-traffic.ts";
import { openLocalFront } from "./local-front.ts";
import { publishTraffic } from "./publish-traffic.ts";
import { replayEvents } from "./replay-events.ts";

const USAGE = `npm run replay -- [FILE] [--minutes N] [--seed N]

Replays a day with ten attacks to the local stack. Prints each alert when it opens, and
at the end the details of the alert with the highest score.

  FILE         replay the last day of these events instead; earlier days are stored first as history. Formats:
               the output of npx oauth-monitoring events --json, a list of events, or one event per line
  --minutes N  minimum duration of the replay in minutes (3)
  --seed N     random seed (1)

Needs a local stack: npm start.`;

/**
 * Number of days before the replayed day, from which the detection learns what is usual. Fewer days let the replay
 * start sooner.
 */
const QUIET_DAYS = 4;
const EVENTS_PER_DAY = 2500;
const LEARN_DAYS = 3;
/** Days end at a multiple of five minutes, like the detection's runs. */
const GRID_MS = 5 * MINUTE_MS;

const argumentsSchema = z.object({
  seed: z.coerce.number().int().default(1),
  minutes: z.coerce.number().min(0).max(1440).default(3),
});

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      minutes: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const parsed = argumentsSchema.safeParse(values);
  if (!parsed.success) throw new Error(`${explain(parsed.error)}\n\n${USAGE}`);
  if (positionals.length > 1) throw new Error(`more than one file was given. Give one\n\n${USAGE}`);
  return { ...parsed.data, file: positionals[0] };
}

/**
 * Returns a file's events, shifted so that the last event occurs now. Without a file, generates a labelled day that
 * ends now, after some quiet days.
 */
function chooseTraffic(file: string | undefined, seed: number, toMs: number): Traffic {
  if (file !== undefined) {
    return { clients: [], labels: [], events: moveEvents(readExportedEvents(file), toMs - 1) };
  }
  return generateTraffic({
    seed,
    startMs: toMs - (QUIET_DAYS + 1) * DAY_MS,
    days: QUIET_DAYS + 1,
    eventsPerDay: EVENTS_PER_DAY,
    attacks: "last-day",
  });
}

const isBefore = (atMs: number) => (event: OAuthEvent) => Date.parse(event.occurred_at) < atMs;

async function replay(): Promise<void> {
  const options = readArguments();
  if (!options) {
    console.log(USAGE);
    return;
  }
  const stack = describeLocalStack();
  const target = { ...openTarget(stack), front: openLocalFront(stack.url) };
  const nowMs = systemClock();
  const toMs = nowMs - (nowMs % GRID_MS);
  const fromMs = toMs - DAY_MS;
  const traffic = chooseTraffic(options.file, options.seed, toMs);
  const { clients, events, labels } = traffic;

  const before = events.filter(isBefore(fromMs));
  if (before.length + clients.length > 0) {
    await publishTraffic(target, { clients, events: before }, progress);
    for (let atMs = fromMs - LEARN_DAYS * DAY_MS; atMs <= fromMs; atMs += HOUR_MS) {
      progress(`learning usual activity as of ${toInstant(atMs)}`);
      await target.front.runSchedule("anomalies", { as_of: toInstant(atMs) });
    }
  }
  progress("");
  const day = events.filter((event) => !isBefore(fromMs)(event));
  console.log(
    `Replaying ${day.length} events starting at ${toInstant(fromMs)}. Alerts (UTC, risk, score):\n`,
  );
  const startedMs = systemClock();
  const lastsMs = options.minutes * MINUTE_MS;
  const alerts = await replayEvents(
    target,
    day,
    { fromMs, toMs },
    {
      writeLine: progress,
      onAlert: (alert) => {
        progress("");
        console.log(alertLine(alert));
      },
      pace: (part) => sleep(Math.max(0, startedMs + part * lastsMs - systemClock())),
    },
  );
  progress("");
  if (labels.length > 0) {
    console.log(
      `\nAttacks on this day:\n\n${table(
        ["Attack", "At (UTC)", "What happened"],
        labels.map(({ attack, startMs, description }) => [
          attack,
          toInstant(startMs).slice(11, 16),
          description,
        ]),
      )}`,
    );
  }
  const [worst] = alerts;
  console.log(
    worst
      ? `\n${caseText(stack.url, worst)}`
      : "\nNo alerts: the detection found nothing on this day.",
  );
  console.log("\nList the others with npx oauth-monitoring alerts list --resolved");
}

replay().catch((error: unknown) => {
  progress("");
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

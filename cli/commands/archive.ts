import { setTimeout as sleep } from "node:timers/promises";
import { DescribeReplayCommand, StartReplayCommand } from "@aws-sdk/client-eventbridge";
import { toInstant } from "../../shared/core/clock.ts";
import { progress, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { type RangeOptions, toRange } from "../program/options.ts";
import type { ReportCommand } from "../program/report-command.ts";

/** Interval for polling the progress of a replay. */
const ASK_MS = 1000;

/** States of a replay that is still running. */
const UNDER_WAY: ReadonlySet<string | undefined> = new Set(["STARTING", "RUNNING", "CANCELLING"]);

/**
 * `archive replay`: makes EventBridge deliver the events in a range to the subscriber again, and waits for the replay
 * to finish. Stored events don't change; missing events are stored and counted.
 *
 * @throws Error if the stack has no archive or the replay fails
 */
export async function archiveReplay(target: Target, options: RangeOptions): Promise<Report> {
  const { eventBridge, archiveArn, eventBusArn, storedRuleArn } = target;
  if (!archiveArn)
    throw new Error("the stack has no archive. Set archive.enabled to true and deploy");
  const { range, title } = toRange(target, options);
  const ReplayName = `oauth-monitoring-${target.clock()}`;
  await eventBridge.send(
    new StartReplayCommand({
      ReplayName,
      EventSourceArn: archiveArn,
      EventStartTime: new Date(range.fromMs),
      EventEndTime: new Date(range.toMs),
      // Replays to this rule only, because other rules on the bus have already processed the events.
      Destination: { Arn: eventBusArn, FilterArns: [storedRuleArn] },
    }),
  );
  const describe = () => eventBridge.send(new DescribeReplayCommand({ ReplayName }));
  let replay = await describe();
  while (UNDER_WAY.has(replay.State)) {
    const { EventLastReplayedTime: last } = replay;
    progress(last ? `replayed up to ${toInstant(last.getTime())} …` : "starting …");
    await sleep(ASK_MS);
    replay = await describe();
  }
  progress("");
  if (replay.State !== "COMPLETED") {
    throw new Error(
      `the replay ${ReplayName} ended in state ${replay.State}: ${replay.StateReason}`,
    );
  }
  return {
    json: { replay: ReplayName, state: replay.State, ...range },
    text: `Replayed (${title}). The subscriber stores the missing events.`,
  };
}

export function registerArchive(program: ReportCommand): void {
  program
    .command("archive")
    .description("replay archived events")
    .command("replay")
    .description("replay the events of a time range; events already stored are skipped")
    .range()
    .examples("archive replay --from 2026-11-23T10:00:00Z --to 2026-11-23T12:00:00Z")
    .runOnStack(archiveReplay);
}

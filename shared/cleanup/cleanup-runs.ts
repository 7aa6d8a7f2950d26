import { PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";

/** Number of items that a cleanup run removed, by kind. */
export const removedSchema = z.object({
  access_tokens: z.int(),
  authorization_codes: z.int(),
  sessions: z.int(),
  events: z.int(),
});

/** Record of one cleanup run. */
export const cleanupRunSchema = z.object({
  started_at: z.string(),
  /** Absent while the run is in progress, or if it was killed. */
  finished_at: z.string().optional(),
  duration_ms: z.int(),
  removed: removedSchema,
  /** `finished`: no expired items are left. `stopped`: the run reached its deadline, and the next run continues. */
  status: z.enum(["running", "finished", "stopped", "failed"]),
  /** Whether all expired items were deleted. */
  finished: z.boolean(),
  /** Error message if the run failed. */
  error: z.string().optional(),
});

export type Removed = z.output<typeof removedSchema>;
export type CleanupRun = z.output<typeof cleanupRunSchema>;

/** Access to the cleanup run records. */
export interface CleanupRunStore {
  readonly db: DocumentClient;
  readonly cleanupRunsTable: string;
  readonly config: Pick<MonitoringConfig, "retention">;
}

/** Partition key shared by all run records. A running cleanup writes to this partition about once every two seconds. */
const JOB = "cleanup";

/** Saves a run's record, replacing the previous version. */
export async function saveCleanupRun(store: CleanupRunStore, run: CleanupRun): Promise<void> {
  const keptUntilMs = Date.parse(run.started_at) + store.config.retention.cleanupRunDays * DAY_MS;
  await store.db.send(
    new PutCommand({
      TableName: store.cleanupRunsTable,
      Item: { job: JOB, ...run, ttl_epoch_seconds: toEpochSeconds(keptUntilMs) },
    }),
  );
}

/** Returns the most recent runs, newest first. */
export async function listCleanupRuns(
  store: Pick<CleanupRunStore, "db" | "cleanupRunsTable">,
  limit: number,
  nowMs: number,
): Promise<CleanupRun[]> {
  const { Items } = await store.db.send(
    new QueryCommand({
      TableName: store.cleanupRunsTable,
      KeyConditionExpression: "job = :job",
      FilterExpression: "ttl_epoch_seconds > :now",
      ExpressionAttributeValues: { ":job": JOB, ":now": toEpochSeconds(nowMs) },
      ScanIndexForward: false,
      Limit: limit,
    }),
  );
  return (Items ?? []).map((item) => cleanupRunSchema.parse(item));
}

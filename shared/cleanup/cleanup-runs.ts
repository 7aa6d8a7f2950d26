import { PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, toEpochSeconds } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";

/** What one cleanup run removed of each kind. */
export const removedSchema = z.object({
  access_tokens: z.int(),
  authorization_codes: z.int(),
  sessions: z.int(),
  events: z.int(),
});

/** The record of one cleanup run. */
export const cleanupRunSchema = z.object({
  started_at: z.string(),
  /** Absent while the run is under way, and when it was killed. */
  finished_at: z.string().optional(),
  duration_ms: z.int(),
  removed: removedSchema,
  /** `finished`: nothing expired was left. `stopped`: the deadline came first, and the next run continues. */
  status: z.enum(["running", "finished", "stopped", "failed"]),
  /** True when nothing expired was left. */
  finished: z.boolean(),
  /** Why it failed. */
  error: z.string().optional(),
});

export type Removed = z.output<typeof removedSchema>;
export type CleanupRun = z.output<typeof cleanupRunSchema>;

/** Where run records are kept. */
export interface CleanupRunStore {
  readonly db: DocumentClient;
  readonly cleanupRunsTable: string;
  readonly config: Pick<MonitoringConfig, "retention">;
}

/** All runs share a partition, which gets at most one write every few seconds while a cleanup runs. */
const JOB = "cleanup";

/** Writes a run's record and replaces its earlier state. */
export async function saveCleanupRun(store: CleanupRunStore, run: CleanupRun): Promise<void> {
  const keptUntilMs = Date.parse(run.started_at) + store.config.retention.cleanupRunDays * DAY_MS;
  await store.db.send(
    new PutCommand({
      TableName: store.cleanupRunsTable,
      Item: { job: JOB, ...run, ttl_epoch_seconds: toEpochSeconds(keptUntilMs) },
    }),
  );
}

/** The latest runs, newest first. */
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

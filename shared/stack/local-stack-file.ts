import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { monitoringConfigSchema } from "../config/monitoring-config.ts";
import { forEachTable, tableLabel } from "../core/tables.ts";
import type { StackDescription } from "./open-stack.ts";
import { packageRoot } from "./package-root.ts";

/** Region and credentials for SDK clients of the local services. The local services check neither. */
export const LOCAL_ACCESS = {
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
};

const STACK_FILE = join(packageRoot(), ".local/stack.json");

const processSchema = z.object({ pid: z.int().positive() });

const name = z.string();
const stackFileSchema = z.object({
  url: z.url(),
  dynamodb_endpoint: z.url(),
  eventbridge_endpoint: z.url(),
  s3_endpoint: z.url(),
  ip_enrichment_bucket: name.optional(),
  event_bus_name: name,
  event_bus_arn: name,
  stored_rule_arn: name,
  archive_arn: name.optional(),
  buffer_queue_url: z.url(),
  dead_letter_queue_url: z.url(),
  tables: z.object(forEachTable(tableLabel, () => name)),
  config: monitoringConfigSchema,
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Any other code means that the process is running but belongs to a different user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/**
 * Returns the file that `npm start` wrote, or undefined if that process has ended. (A killed process leaves the file
 * behind.)
 */
function readStackFile(): unknown {
  if (!existsSync(STACK_FILE)) return undefined;
  const content: unknown = JSON.parse(readFileSync(STACK_FILE, "utf8"));
  return isAlive(processSchema.parse(content).pid) ? content : undefined;
}

/** Whether a local stack is running. */
export function localStackIsThere(): boolean {
  return readStackFile() !== undefined;
}

/** A local stack. It also answers HTTP requests on this machine at `url`. */
export interface LocalStackDescription extends StackDescription {
  readonly url: string;
}

/**
 * Returns the details of the running local stack, as written by `npm start`.
 *
 * @throws Error if no local stack is running
 */
export function describeLocalStack(): LocalStackDescription {
  const content = readStackFile();
  if (content === undefined) throw new Error("no local stack is running. Start it with npm start");
  const stack = stackFileSchema.parse(content);
  return {
    url: stack.url,
    tables: stack.tables,
    eventBusName: stack.event_bus_name,
    eventBusArn: stack.event_bus_arn,
    storedRuleArn: stack.stored_rule_arn,
    archiveArn: stack.archive_arn,
    bufferQueueUrl: stack.buffer_queue_url,
    deadLetterQueueUrl: stack.dead_letter_queue_url,
    ipEnrichmentBucket: stack.ip_enrichment_bucket,
    config: stack.config,
    dynamodb: { ...LOCAL_ACCESS, endpoint: stack.dynamodb_endpoint },
    messaging: { ...LOCAL_ACCESS, endpoint: stack.eventbridge_endpoint },
    s3: { ...LOCAL_ACCESS, endpoint: stack.s3_endpoint },
  };
}

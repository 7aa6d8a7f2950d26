import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { monitoringConfigSchema } from "../config/monitoring-config.ts";
import type { StackDescription } from "./open-stack.ts";
import { packageRoot } from "./package-root.ts";

/** Region and credentials for SDK clients of the local services, which check neither. */
export const LOCAL_ACCESS = {
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
};

const STACK_FILE = join(packageRoot(), ".local/stack.json");

const name = z.string();
const stackFileSchema = z.object({
  url: z.url(),
  dynamodb_endpoint: z.url(),
  eventbridge_endpoint: z.url(),
  event_bus_name: name,
  event_bus_arn: name,
  stored_rule_arn: name,
  archive_arn: name.optional(),
  buffer_queue_url: z.url(),
  dead_letter_queue_url: z.url(),
  tables: z.object({
    tokens: name,
    authorization_codes: name,
    sessions: name,
    clients: name,
    events: name,
    counters: name,
    issuances: name,
    cleanup_runs: name,
    alerts: name,
  }),
  config: monitoringConfigSchema,
});

/** Whether a local stack runs, or ran and was killed. */
export function localStackIsThere(): boolean {
  return existsSync(STACK_FILE);
}

/** A local stack has an HTTP front on this machine, too. */
export interface LocalStackDescription extends StackDescription {
  readonly url: string;
}

/** The running local stack, as `npm start` described it. */
export function describeLocalStack(): LocalStackDescription {
  if (!localStackIsThere()) throw new Error("no local stack runs: start it with npm start");
  const stack = stackFileSchema.parse(JSON.parse(readFileSync(STACK_FILE, "utf8")));
  return {
    url: stack.url,
    tables: stack.tables,
    eventBusName: stack.event_bus_name,
    eventBusArn: stack.event_bus_arn,
    storedRuleArn: stack.stored_rule_arn,
    archiveArn: stack.archive_arn,
    bufferQueueUrl: stack.buffer_queue_url,
    deadLetterQueueUrl: stack.dead_letter_queue_url,
    config: stack.config,
    dynamodb: { ...LOCAL_ACCESS, endpoint: stack.dynamodb_endpoint },
    messaging: { ...LOCAL_ACCESS, endpoint: stack.eventbridge_endpoint },
  };
}

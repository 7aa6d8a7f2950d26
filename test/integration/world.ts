import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { StoredDenyList } from "../../shared/authorization/stored-deny-list.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import type { Clock } from "../../shared/core/clock.ts";
import { createDocumentClient, type DocumentClient } from "../../shared/core/document-client.ts";
import {
  forEachTable,
  TABLES,
  type TableDefinition,
  tableContextKey,
} from "../../shared/core/tables.ts";
import type { EventSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { watchStore } from "./store-traffic.ts";

process.env.AWS_REGION ??= "us-east-1";
process.env.AWS_ACCESS_KEY_ID ??= "local";
process.env.AWS_SECRET_ACCESS_KEY ??= "local";

/** Timeout for DynamoDB Local, generous enough for a busy machine. */
export const PATIENT = {
  connectionTimeout: 60_000,
  requestTimeout: 60_000,
  throwOnRequestTimeout: true,
} as const;

/**
 * Creates a table from a definition, without TTL. With TTL, DynamoDB Local would delete items that have expired by the
 * real clock but not by the test's clock.
 */
export async function createTable(
  admin: DynamoDBClient,
  name: string,
  definition: TableDefinition,
): Promise<void> {
  const { partitionKey, sortKey, indexes } = definition;
  const types = new Map<string | undefined, "S" | "N">([
    [partitionKey, "S"],
    [sortKey, "S"],
    ...Object.values(indexes).flatMap((index) => [
      [index.partitionKey, "S"] as const,
      [index.sortKey, index.sortKeyType ?? "S"] as const,
    ]),
  ]);
  const schema = (hash: string, range?: string) => [
    { AttributeName: hash, KeyType: "HASH" as const },
    ...(range ? [{ AttributeName: range, KeyType: "RANGE" as const }] : []),
  ];
  await admin.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: schema(partitionKey, sortKey),
      AttributeDefinitions: [...types].flatMap(([AttributeName, AttributeType]) =>
        AttributeName ? [{ AttributeName, AttributeType }] : [],
      ),
      ...(Object.keys(indexes).length > 0 && {
        GlobalSecondaryIndexes: Object.entries(indexes).map(([IndexName, index]) => ({
          IndexName,
          KeySchema: schema(index.partitionKey, index.sortKey),
          Projection:
            typeof index.projection === "string"
              ? { ProjectionType: index.projection }
              : { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...index.projection] },
        })),
      }),
    }),
  );
}

/** A logger that records its entries. */
export interface RecordingLogger {
  readonly lines: { level: string; message: string; extra: unknown[] }[];
  debug(message: string, ...extra: Record<string, unknown>[]): void;
  info(message: string, ...extra: Record<string, unknown>[]): void;
  warn(message: string, ...extra: Record<string, unknown>[]): void;
  error(message: string, ...extra: Record<string, unknown>[]): void;
}

export function recordingLogger(): RecordingLogger {
  const lines: RecordingLogger["lines"] = [];
  const at =
    (level: string) =>
    (message: string, ...extra: Record<string, unknown>[]) => {
      lines.push({ level, message, extra });
    };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

let made = 0;

/** Creates every context that the library needs, with new tables and a clock that the caller sets. */
export async function createWorldAt(endpoint: string, config: MonitoringConfigInput = {}) {
  made += 1;
  const prefix = `w${process.pid}_${made}_`;
  const admin = new DynamoDBClient({ endpoint });
  await Promise.all(
    Object.entries(TABLES).map(([variable, definition]) =>
      createTable(admin, prefix + variable, definition),
    ),
  );
  const db: DocumentClient = createDocumentClient("interactive", {
    endpoint,
    requestHandler: PATIENT,
  });
  const time = { nowMs: Date.parse("2026-11-23T10:00:00.000Z") };
  const clock: Clock = () => time.nowMs;
  const published: OAuthEvent[] = [];
  const registered = new Map<string, number>();
  const tables = forEachTable(tableContextKey, (variable) => `${prefix}${variable}`);
  const parsed = parseMonitoringConfig(config);
  const context = {
    db,
    ...tables,
    config: parsed,
    clock,
    logger: recordingLogger(),
    denyList: new StoredDenyList({ db, denyListTable: tables.denyListTable }),
    sink: undefined as unknown as EventSink,
  };
  /** Stores published events immediately, as the subscriber would. */
  context.sink = {
    async publish(events) {
      published.push(...events);
      const outcome = await storeEvents(context, events, { clock, registered });
      if (outcome.retry.length > 0) throw new Error(outcome.retry[0]?.reason);
    },
  };
  return { ...context, context, time, published, registered, endpoint, traffic: watchStore(db) };
}

export type World = Awaited<ReturnType<typeof createWorldAt>>;

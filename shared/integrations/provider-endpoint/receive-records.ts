import { createHash } from "node:crypto";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { retentionDays } from "../../config/event-retention.ts";
import type { MonitoringConfig } from "../../config/monitoring-config.ts";
import { type Clock, DAY_MS, toEpochSeconds, toInstant } from "../../core/clock.ts";
import type { DocumentClient } from "../../core/document-client.ts";
import { OAuthMonitoringError } from "../../core/errors.ts";
import { storable } from "../../events/event-data.ts";
import { type EventSink, publishInBatches } from "../../events/event-sink.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { MAX_RECORDS, type ProviderAdapter, toOAuthEvent } from "../providers/provider-adapter.ts";

/** Thrown if a body is neither JSON nor JSON lines. */
export class UnreadableBodyError extends OAuthMonitoringError {
  override readonly name = "UnreadableBodyError";

  constructor() {
    super(
      "the body is neither JSON nor JSON Lines. Send an object, an array, or one object per line",
    );
  }
}

/** Thrown if a body contains more records than a request may have. */
export class TooManyRecordsError extends OAuthMonitoringError {
  override readonly name = "TooManyRecordsError";

  constructor(count: number) {
    super(`the body has ${count} records. Send at most ${MAX_RECORDS} per request`);
  }
}

/** The records in a request body. */
export interface BodyRecords {
  /** The records, in order. Each can be any JSON value. */
  readonly records: readonly unknown[];
  /** Line numbers without a valid record, starting at 1. Always empty unless the body is JSON lines. */
  readonly rejectedLines: readonly number[];
}

/**
 * Parses a line. Returns undefined for anything other than an object or array, because the line may be part of a larger
 * value.
 */
function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseWhole(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Parses the records in a request body: JSON (one record, an array of records, or a batch in the provider's format) or
 * JSON lines.
 *
 * @param split returns the records in one JSON value: a batch's records, or the value itself
 * @throws UnreadableBodyError if the body contains no readable record
 * @throws TooManyRecordsError if the body has more than `MAX_RECORDS` records
 */
export function parseRecords(
  body: Uint8Array,
  split: (value: unknown) => readonly unknown[],
): BodyRecords {
  const text = new TextDecoder().decode(body);
  const wholeValue = parseWhole(text);
  const rejectedLines: number[] = [];
  const values = wholeValue
    ? [wholeValue.value]
    : text.split("\n").flatMap((line, index) => {
        if (line.trim() === "") return [];
        const value = parseLine(line);
        if (value === undefined) rejectedLines.push(index + 1);
        return value === undefined ? [] : [value];
      });
  if (!wholeValue && values.length === 0) throw new UnreadableBodyError();
  // An event hub forwarder reads several batches at a time and sends them as an array.
  const records = values.flatMap((value) =>
    (Array.isArray(value) ? value : [value]).flatMap(split),
  );
  if (records.length > MAX_RECORDS) throw new TooManyRecordsError(records.length);
  return { records, rejectedLines };
}

/** The DynamoDB table of first receipts. */
export interface ReceiptStore {
  readonly db: DocumentClient;
  readonly countersTable: string;
  readonly config: Pick<MonitoringConfig, "retention">;
}

/**
 * Returns when an event was first received, and stores that time for as long as the event is kept. Used for records
 * that contain no time: an event's key includes the time, so a replayed record would otherwise be stored again.
 *
 * Cost: 1 write unit.
 *
 * @param event its `occurred_at` is the time of this receipt
 */
export async function firstReceipt(
  { db, countersTable, config }: ReceiptStore,
  { id, event_type, occurred_at }: OAuthEvent,
): Promise<string> {
  const endsMs = Date.parse(occurred_at) + (retentionDays(config, event_type) + 1) * DAY_MS;
  const { Attributes } = await db.send(
    new UpdateCommand({
      TableName: countersTable,
      Key: { pk: `first-receipt/${id}`, sk: "-" },
      UpdateExpression:
        "SET received_at = if_not_exists(received_at, :at), ttl_epoch_seconds = if_not_exists(ttl_epoch_seconds, :ttl)",
      ExpressionAttributeValues: { ":at": occurred_at, ":ttl": toEpochSeconds(endsMs) },
      ReturnValues: "ALL_NEW",
    }),
  );
  return String(Attributes?.received_at);
}

/** Dependencies of `receiveRecords`. */
export interface RecordReceiver {
  readonly adapter: ProviderAdapter;
  readonly config: Pick<MonitoringConfig, "retention">;
  /** Resolves only when the bus has accepted every event. */
  readonly sink: EventSink;
  /** Returns when an event was first received, UTC: now or earlier. */
  readonly firstReceipt: (event: OAuthEvent) => Promise<string>;
  readonly clock: Clock;
}

/** The number of records in a request, by outcome. */
export interface RecordReceipt {
  /** Number of records that were published as events. */
  readonly published: number;
  /** Number of records that weren't published because their retention period has passed. */
  readonly expired: number;
}

/** Returns a digest of a record's content. */
function computeDigest(record: unknown): string {
  const digest = (value: unknown) =>
    createHash("sha256")
      .update(JSON.stringify(value) ?? "")
      .digest("hex");
  try {
    return digest(record);
  } catch {
    // `JSON.stringify` can't serialize a record that is nested too deeply.
    return digest(storable(record, 1));
  }
}

/** Maximum number of first receipts to look up at the same time. */
const AT_ONCE = 50;

/** Replaces the event's time with the time of its first receipt. */
async function withFirstTime(
  events: readonly OAuthEvent[],
  time: string,
  firstReceipt: RecordReceiver["firstReceipt"],
): Promise<OAuthEvent[]> {
  const timed: OAuthEvent[] = [];
  for (let first = 0; first < events.length; first += AT_ONCE) {
    timed.push(
      ...(await Promise.all(
        events
          .slice(first, first + AT_ONCE)
          .map(async (event) =>
            event.occurred_at === time
              ? { ...event, occurred_at: await firstReceipt(event) }
              : event,
          ),
      )),
    );
  }
  return timed;
}

/**
 * Publishes each of a provider's records as an event. A record without an ID gets a digest of its content as its ID,
 * and a record without a time gets the time when it was first received. Repeating a request therefore stores nothing
 * new.
 *
 * @param signedAtMs when the request was signed, epoch milliseconds. Undefined if the signature contains no time.
 * @throws PublishError if the bus doesn't accept every event, or any error from DynamoDB. The sender must then repeat
 * the request.
 */
export async function receiveRecords(
  { adapter, config, sink, firstReceipt, clock }: RecordReceiver,
  records: readonly unknown[],
  signedAtMs: number | undefined,
): Promise<RecordReceipt> {
  const nowMs = clock();
  const time = toInstant(signedAtMs ?? nowMs);
  const read = records.map((detail) =>
    toOAuthEvent(adapter, {
      source: adapter.name,
      "detail-type": "",
      id: computeDigest(detail),
      time,
      detail,
    }),
  );
  const events = await withFirstTime(read, time, firstReceipt);
  const lives = ({ event_type, occurred_at }: OAuthEvent) =>
    Date.parse(occurred_at) + retentionDays(config, event_type) * DAY_MS > nowMs;
  const unexpired = events.filter(lives);
  await publishInBatches(sink, unexpired);
  return { published: unexpired.length, expired: events.length - unexpired.length };
}

import { createHash } from "node:crypto";
import { retentionDays } from "../../config/event-retention.ts";
import type { MonitoringConfig } from "../../config/monitoring-config.ts";
import { type Clock, DAY_MS, toInstant } from "../../core/clock.ts";
import { storable } from "../../events/event-data.ts";
import { type EventSink, publishInTurn } from "../../events/event-sink.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { type ProviderAdapter, toOAuthEvent } from "../providers/provider-adapter.ts";

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
  readonly taken: number;
  /** Number of records that weren't published because their retention period has passed. */
  readonly expired: number;
}

/** Returns a digest of a record's content. */
function digestOf(record: unknown): string {
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
      id: digestOf(detail),
      time,
      detail,
    }),
  );
  const events = await withFirstTime(read, time, firstReceipt);
  const lives = ({ event_type, occurred_at }: OAuthEvent) =>
    Date.parse(occurred_at) + retentionDays(config, event_type) * DAY_MS > nowMs;
  const kept = events.filter(lives);
  await publishInTurn(sink, kept);
  return { taken: kept.length, expired: events.length - kept.length };
}

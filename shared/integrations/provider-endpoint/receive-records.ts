import { createHash } from "node:crypto";
import { retentionDays } from "../../config/event-retention.ts";
import type { MonitoringConfig } from "../../config/monitoring-config.ts";
import { type Clock, DAY_MS, toInstant } from "../../core/clock.ts";
import { storable } from "../../events/event-data.ts";
import { type EventSink, publishInTurn } from "../../events/event-sink.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { type ProviderAdapter, toOAuthEvent } from "../providers/provider-adapter.ts";

/** Where records go. */
export interface RecordReceiver {
  readonly adapter: ProviderAdapter;
  readonly config: Pick<MonitoringConfig, "retention">;
  /** It resolves only when the bus has taken every event. */
  readonly sink: EventSink;
  /** Returns when an event was first received, UTC: the time of this receipt, or of an earlier one. */
  readonly firstReceipt: (event: OAuthEvent) => Promise<string>;
  readonly clock: Clock;
}

/** What became of the records of a request. */
export interface RecordReceipt {
  /** Records that the bus has taken as events. */
  readonly taken: number;
  /** Records whose events are past their retention: if they were stored before, they are removed by now. */
  readonly expired: number;
}

/** A digest of all that a record says. */
function digestOf(record: unknown): string {
  const digest = (value: unknown) =>
    createHash("sha256")
      .update(JSON.stringify(value) ?? "")
      .digest("hex");
  try {
    return digest(record);
  } catch {
    // Nested so deeply that nothing writes it as text.
    return digest(storable(record, 1));
  }
}

/** Receipts that are read at the same time. */
const AT_ONCE = 50;

/** Gives events that have the time of this receipt the time of their first one. */
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
 * Publishes a provider's records as events, one each. A record without an id takes the digest of its content, and one
 * without a time the time at which it first came, so that a request that comes again stores nothing new.
 *
 * @param signedAtMs when the request was signed, epoch milliseconds; undefined where the signature does not say
 * @throws PublishError when the bus does not take every event, and what the store throws: the request must come again
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

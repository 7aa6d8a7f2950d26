import { v5 as uuidv5 } from "uuid";
import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { SECOND_MS, toInstant } from "../../core/clock.ts";
import { storable } from "../../events/event-data.ts";
import { createEvent, type OAuthEvent } from "../../events/oauth-event.ts";
import { type MappedSubject, mapSubject } from "./map-subject.ts";
import type { SecurityEventToken, SetEvent } from "./security-event-token.ts";
import { signalEventType, signalName } from "./signal-types.ts";

/**
 * UUID namespace for event IDs. An ID depends only on the transmitter and the `jti`, so a redelivered SET becomes the
 * same event.
 */
const EVENT_NAMESPACE = "0b9d6a0e-3a56-4b7c-9a42-7f3c1f0e5d11";

/**
 * An `event_timestamp` above this value is in milliseconds. CAEP, section 2, requires seconds, but some transmitters
 * send milliseconds.
 */
const LAST_SECOND = 100_000_000_000;

/** A signal: one event from a SET. */
export interface Signal {
  /** The event to store. Its ID is derived from the transmitter and the `jti`. */
  readonly event: OAuthEvent;
  /** Name of the signal's type, such as `session-revoked`. Undefined for an unknown type. */
  readonly name: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly subject: MappedSubject;
  /** When the signal happened, epoch milliseconds: `event_timestamp`, or the SET's issue time if absent. */
  readonly happenedAtMs: number;
}

/** Attributes that every CAEP event may have. All others are specific to the type. */
const COMMON = ["event_timestamp", "initiating_entity", "reason_admin", "reason_user", "subject"];

/** Returns when the event happened according to the SET, but never later than the SET's issue time. */
function happenedAt({ payload }: SetEvent, issuedAtMs: number): number {
  const { event_timestamp: stamp } = payload;
  if (typeof stamp !== "number" || !(stamp > 0)) return issuedAtMs;
  const atMs = stamp > LAST_SECOND ? stamp : stamp * SECOND_MS;
  return Math.min(Math.floor(atMs), issuedAtMs);
}

function toSignal(
  each: SetEvent,
  set: SecurityEventToken,
  transmitter: TransmitterConfig,
): Omit<Signal, "event"> & { readonly uri: string; readonly subjectJson: unknown } {
  const name = signalName(each.uri);
  return {
    uri: each.uri,
    name,
    payload: each.payload,
    subject: mapSubject(each.subject, name, transmitter),
    subjectJson: each.subjectJson,
    happenedAtMs: happenedAt(each, set.issuedAtMs),
  };
}

/**
 * Returns the signals in a SET, one per event type. Two URIs for the same type count as one signal (Shared Signals
 * Framework 1.0, section "The events claim"). Unknown types are included.
 */
export function toSignals(set: SecurityEventToken, transmitter: TransmitterConfig): Signal[] {
  const byType = new Map<string, ReturnType<typeof toSignal>>();
  for (const each of set.events) {
    const type = signalName(each.uri) ?? each.uri;
    if (!byType.has(type)) byType.set(type, toSignal(each, set, transmitter));
  }
  return [...byType.values()].map(({ uri, subjectJson, ...signal }, index) => {
    const { name, payload, subject, happenedAtMs } = signal;
    const own = Object.fromEntries(
      Object.entries(payload).filter(([key]) => !COMMON.includes(key)),
    );
    const { initiating_entity, reason_admin, reason_user } = payload;
    const said = { initiating_entity, reason_admin, reason_user, txn: set.transaction };
    const id = [set.issuer, set.jti, ...(index > 0 ? [uri] : [])].join("\n");
    const event = createEvent(
      {
        eventType: signalEventType(name),
        userId: subject.userId,
        clientId: subject.clientId,
        id: uuidv5(id, EVENT_NAMESPACE),
        details: {
          transmitter: transmitter.name,
          issuer: set.issuer,
          jti: set.jti,
          signal: uri,
          happened_at: toInstant(happenedAtMs),
          subject: storable(subjectJson, 1),
          ...(subject.sessionId !== undefined && { session_id: subject.sessionId }),
          ...(subject.token && { token_id: subject.token.tokenId }),
          ...Object.fromEntries(
            Object.entries(said)
              .filter(([, value]) => value !== undefined)
              .map(([key, value]) => [key, storable(value, 1)]),
          ),
          ...(Object.keys(own).length > 0 && { details: storable(own, 1) }),
        },
      },
      // Must be the same for every delivery, because an event's key consists of its time and ID.
      set.issuedAtMs,
    );
    return { ...signal, event };
  });
}

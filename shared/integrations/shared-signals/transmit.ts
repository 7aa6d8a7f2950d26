import { v5 as uuidv5, v7 as uuidv7 } from "uuid";
import type { TransmitterSettings } from "../../config/signal-parameters.ts";
import { type Clock, SECOND_MS } from "../../core/clock.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { type OutgoingSignal, outgoingSignals } from "./outgoing-signals.ts";
import { ssfType } from "./signal-types.ts";
import { eventsDelivered, PUSH, type SignalStream } from "./stream.ts";
import {
  canonical,
  findPending,
  listPending,
  listStreams,
  listSubjects,
  type PendingSet,
  type StreamStore,
  type StreamSubject,
  storeSet,
} from "./stream-store.ts";

type Members = Readonly<Record<string, unknown>>;

const isComplex = (subject: unknown): subject is Members =>
  (subject as { readonly format?: unknown } | null)?.format === "complex";

/** Returns a simple subject as a complex subject's user, so that a user matches in both forms. */
const toMembers = (subject: unknown): Members => {
  if (!isComplex(subject)) return { user: subject };
  const { format: _, ...members } = subject;
  return members;
};

/**
 * Whether two subjects match. Simple subjects must be identical. Complex subjects must agree on every member that both
 * of them have (Shared Signals Framework 1.0, section "Subject Matching"). A simple subject matches a complex subject
 * that has it as `user`.
 */
export function subjectsMatch(one: unknown, other: unknown): boolean {
  if (!isComplex(one) && !isComplex(other)) return canonical(one) === canonical(other);
  const [first, second] = [toMembers(one), toMembers(other)];
  if (!isComplex(one) || !isComplex(other)) {
    return first.user !== undefined && canonical(first.user) === canonical(second.user);
  }
  return Object.entries(first).every(
    ([name, member]) => second[name] === undefined || canonical(member) === canonical(second[name]),
  );
}

/**
 * Whether a stream includes events about a subject.
 *
 * @param byDefault whether the stream includes subjects that its receiver neither added nor removed
 */
export function isInStream(
  subject: unknown,
  named: readonly StreamSubject[],
  byDefault: boolean,
): boolean {
  const matches = (added: boolean) =>
    named.some((each) => each.added === added && subjectsMatch(each.subject, subject));
  return byDefault ? !matches(false) : matches(true);
}

/**
 * UUID namespace for `jti` values. An event gets only one SET per stream, even if the event is delivered several times.
 */
const JTI_NAMESPACE = "6a3f7e0a-0a3e-4a3b-b6e3-5d0b7a0c9e52";

/** A push that is due, with its SET's key. */
export interface DuePush {
  readonly stream_id: string;
  readonly jti: string;
  readonly made_at_ms: number;
}

/** Dependencies of the transmitter. */
export interface SetTransmitter {
  readonly store: StreamStore;
  readonly clock: Clock;
  /** This transmitter's `iss`. */
  readonly issuer: string;
  readonly settings: TransmitterSettings;
  /** Schedules pushes with retries. Idempotent. */
  readonly schedule: (pushes: readonly DuePush[]) => Promise<void>;
}

function buildClaims(
  transmitter: SetTransmitter,
  stream: SignalStream,
  { uri, payload, subject }: OutgoingSignal,
  { jti, txn }: { readonly jti: string; readonly txn: string },
  nowMs: number,
): PendingSet {
  const [first = stream.owner, ...others] = stream.aud;
  return {
    jti,
    made_at_ms: nowMs,
    claims: {
      iss: transmitter.issuer,
      jti,
      iat: Math.floor(nowMs / SECOND_MS),
      aud: others.length > 0 ? stream.aud : first,
      txn,
      sub_id: subject,
      events: { [uri]: payload },
    },
  };
}

/** Stores a SET for a stream and schedules its push if the stream uses push delivery. */
async function keep(
  transmitter: SetTransmitter,
  stream: SignalStream,
  set: PendingSet,
): Promise<void> {
  const { store, settings, schedule } = transmitter;
  const { stream_id } = stream;
  const isNew = await storeSet(store, stream_id, set, settings.retentionDays);
  if (stream.method !== PUSH || stream.status === "paused") return;
  // The SET was already stored, but its push may not have been scheduled.
  if (!isNew && !(await findPending(store, stream_id, set))) return;
  await schedule([{ stream_id, jti: set.jti, made_at_ms: set.made_at_ms }]);
}

/** Whether a stream includes a signal, given the stream's event types and subjects. */
async function includesSignal(
  transmitter: SetTransmitter,
  stream: SignalStream,
  { uri, subject }: OutgoingSignal,
): Promise<boolean> {
  if (stream.status === "disabled" || !eventsDelivered(stream).includes(uri)) return false;
  const named = await listSubjects(transmitter.store, stream.stream_id);
  return isInStream(subject, named, transmitter.settings.defaultSubjects === "ALL");
}

/**
 * Creates an event's SETs for every stream that includes them. Idempotent.
 *
 * @throws any error from DynamoDB or the queue. The event must then be delivered again.
 */
export async function transmitEvent(transmitter: SetTransmitter, event: OAuthEvent): Promise<void> {
  const { issuer, settings, store, clock } = transmitter;
  const signals = outgoingSignals(event, { userIssuer: settings.userIssuer ?? issuer });
  if (signals.length === 0) return;
  // Must be the same for every delivery of the event, because this time is part of the SET's key.
  const madeAtMs = Math.min(Date.parse(event.occurred_at), clock());
  for (const stream of await listStreams(store)) {
    for (const signal of signals) {
      if (!(await includesSignal(transmitter, stream, signal))) continue;
      const jti = uuidv5(`${stream.stream_id} ${event.id} ${signal.uri}`, JTI_NAMESPACE);
      const set = buildClaims(transmitter, stream, signal, { jti, txn: event.id }, madeAtMs);
      await keep(transmitter, stream, set);
    }
  }
}

/** Creates a SET about the stream itself: its verification or its new status. Every stream includes these. */
export async function transmitAboutStream(
  transmitter: SetTransmitter,
  stream: SignalStream,
  name: "verification" | "stream-updated",
  payload: Readonly<Record<string, unknown>>,
): Promise<void> {
  const nowMs = transmitter.clock();
  const jti = uuidv7({ msecs: nowMs });
  const subject = { format: "opaque", id: stream.stream_id };
  const signal = { uri: ssfType(name), payload, subject };
  await keep(
    transmitter,
    stream,
    buildClaims(transmitter, stream, signal, { jti, txn: jti }, nowMs),
  );
}

/** Schedules pushes for all of a stream's pending SETs, after a pause or a change to push delivery. */
export async function schedulePending(
  { store, clock, schedule }: SetTransmitter,
  { stream_id, method }: SignalStream,
): Promise<void> {
  if (method !== PUSH) return;
  const { sets } = await listPending(store, stream_id, 1000, clock());
  const pushes = sets.map(({ jti, made_at_ms }) => ({ stream_id, jti, made_at_ms }));
  if (pushes.length > 0) await schedule(pushes);
}

import { v5 as uuidv5, v7 as uuidv7 } from "uuid";
import type { TransmitterSettings } from "../../config/signal-parameters.ts";
import { type Clock, SECOND_MS } from "../../core/clock.ts";
import type { OAuthEvent } from "../../events/oauth-event.ts";
import { type OutgoingSignal, outgoingSignals } from "./outgoing-signals.ts";
import { ssfType } from "./signal-types.ts";
import { eventsDelivered, PUSH, type SignalStream } from "./stream.ts";
import {
  findPending,
  keepSet,
  listPending,
  listStreams,
  listSubjects,
  type PendingSet,
  type StreamStore,
} from "./stream-store.ts";
import { isInStream } from "./subject-matching.ts";

/** The namespace of `jti`s: an event is one SET for a stream, however often the event is delivered. */
const JTI_NAMESPACE = "6a3f7e0a-0a3e-4a3b-b6e3-5d0b7a0c9e52";

/** A push that is due: where the SET is found. */
export interface DuePush {
  readonly stream_id: string;
  readonly jti: string;
  readonly made_at_ms: number;
}

/** What a transmitter of SETs needs. */
export interface SetTransmitter {
  readonly store: StreamStore;
  readonly clock: Clock;
  /** This transmitter: `iss`. */
  readonly issuer: string;
  readonly settings: TransmitterSettings;
  /** Has pushes made, later and as often as needed; repeating one changes nothing. */
  readonly schedule: (pushes: readonly DuePush[]) => Promise<void>;
}

function claimsOf(
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

/** Keeps a SET for a stream, and has it pushed if the stream is one of pushes. */
async function keep(
  transmitter: SetTransmitter,
  stream: SignalStream,
  set: PendingSet,
): Promise<void> {
  const { store, settings, schedule } = transmitter;
  const { stream_id } = stream;
  const isNew = await keepSet(store, stream_id, set, settings.retentionDays);
  if (stream.method !== PUSH || stream.status === "paused") return;
  // It was kept before, and nobody knows whether its push was scheduled then.
  if (!isNew && !(await findPending(store, stream_id, set))) return;
  await schedule([{ stream_id, jti: set.jti, made_at_ms: set.made_at_ms }]);
}

/** Whether a stream has a signal: it asked for its type, and its subject is in it. */
async function wants(
  transmitter: SetTransmitter,
  stream: SignalStream,
  { uri, subject }: OutgoingSignal,
): Promise<boolean> {
  if (stream.status === "disabled" || !eventsDelivered(stream).includes(uri)) return false;
  const named = await listSubjects(transmitter.store, stream.stream_id);
  return isInStream(subject, named, transmitter.settings.defaultSubjects === "ALL");
}

/**
 * Makes the SETs of one of our events for every stream that has them. Making them again changes nothing.
 *
 * @throws the error of the store or the queue: then the event is to be given again
 */
export async function transmitEvent(transmitter: SetTransmitter, event: OAuthEvent): Promise<void> {
  const { issuer, settings, store, clock } = transmitter;
  const signals = outgoingSignals(event, { userIssuer: settings.userIssuer ?? issuer });
  if (signals.length === 0) return;
  // The same for every delivery of the event: by it, the SET is found.
  const madeAtMs = Math.min(Date.parse(event.occurred_at), clock());
  for (const stream of await listStreams(store)) {
    for (const signal of signals) {
      if (!(await wants(transmitter, stream, signal))) continue;
      const jti = uuidv5(`${stream.stream_id} ${event.id} ${signal.uri}`, JTI_NAMESPACE);
      const set = claimsOf(transmitter, stream, signal, { jti, txn: event.id }, madeAtMs);
      await keep(transmitter, stream, set);
    }
  }
}

/** Makes a SET about a stream itself: its verification, or its new status. It is always in the stream. */
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
  await keep(transmitter, stream, claimsOf(transmitter, stream, signal, { jti, txn: jti }, nowMs));
}

/** Has everything pushed that waits for a stream: after a pause. */
export async function schedulePending(
  { store, clock, schedule }: SetTransmitter,
  { stream_id, method }: SignalStream,
): Promise<void> {
  if (method !== PUSH) return;
  const { sets } = await listPending(store, stream_id, 1000, clock());
  const pushes = sets.map(({ jti, made_at_ms }) => ({ stream_id, jti, made_at_ms }));
  if (pushes.length > 0) await schedule(pushes);
}

import { randomUUID } from "node:crypto";
import * as z from "zod";
import { TRANSMITTER_PATHS } from "../../config/signal-parameters.ts";
import { SECOND_MS, toInstant } from "../../core/clock.ts";
import { InvalidInputError, OAuthMonitoringError } from "../../core/errors.ts";
import {
  EVENTS_SUPPORTED,
  eventsDelivered,
  isPushable,
  MIN_VERIFICATION_INTERVAL_SECONDS,
  POLL,
  PUSH,
  type SignalStream,
  STREAM_STATUSES,
  type StreamRequest,
  streamRequestSchema,
} from "./stream.ts";
import {
  deleteStream,
  dropPending,
  findStream,
  listStreams,
  listSubjects,
  MAX_STREAMS,
  MAX_SUBJECTS,
  saveStream,
  setSubject,
} from "./stream-store.ts";
import { readSubject } from "./subject-identifier.ts";
import { type SetTransmitter, schedulePending, transmitAboutStream } from "./transmit.ts";

/** Thrown if a stream request is rejected. `status` is the HTTP status that the Shared Signals Framework defines. */
export class StreamRequestError extends OAuthMonitoringError {
  override readonly name = "StreamRequestError";

  constructor(
    readonly status: 400 | 403 | 404 | 409 | 429,
    message: string,
  ) {
    super(message);
  }
}

/** Dependencies of `Streams`. */
export interface StreamManagement extends SetTransmitter {
  /** Encrypts the `Authorization` header that a receiver requires. It can be decrypted only for the same stream. */
  readonly seal: (text: string, streamId: string) => Promise<string>;
}

const streamIdSchema = z.looseObject({ stream_id: z.string().min(1).max(64) });
const statusSchema = streamIdSchema.extend({
  status: z.enum(STREAM_STATUSES),
  reason: z.string().max(512).optional(),
});
const subjectSchema = streamIdSchema.extend({
  subject: z.record(z.string(), z.unknown()).refine((value) => readSubject(value) !== undefined, {
    error: "a subject identifier (RFC 9493), or a complex subject",
  }),
});
const verificationSchema = streamIdSchema.extend({ state: z.string().max(1024).optional() });

/** @throws StreamRequestError if a request doesn't follow the framework's format */
function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new StreamRequestError(400, new InvalidInputError("the request", parsed.error).message);
}

/**
 * Manages streams (Shared Signals Framework 1.0, section 8). A receiver is identified by its OAuth client and sees only
 * its own streams.
 */
export class Streams {
  constructor(private readonly transmitter: StreamManagement) {}

  /** Returns a stream as its receiver sees it. Never contains the `authorization_header`. */
  #shown(stream: SignalStream): Record<string, unknown> {
    const { issuer } = this.transmitter;
    const { stream_id, aud, method, endpoint_url, events_requested, description } = stream;
    const poll = `${issuer.replace(/\/$/, "")}${TRANSMITTER_PATHS.poll}/${stream_id}`;
    return {
      stream_id,
      iss: issuer,
      aud: aud.length === 1 ? aud[0] : aud,
      delivery: { method, endpoint_url: method === PUSH ? endpoint_url : poll },
      events_supported: EVENTS_SUPPORTED,
      ...(events_requested && { events_requested }),
      events_delivered: eventsDelivered(stream),
      min_verification_interval: MIN_VERIFICATION_INTERVAL_SECONDS,
      ...(description !== undefined && { description }),
    };
  }

  /** @throws StreamRequestError 404 if the receiver has no such stream */
  async #own(owner: string, streamId: string): Promise<SignalStream> {
    const stream = await findStream(this.transmitter.store, streamId);
    if (stream?.owner !== owner) throw new StreamRequestError(404, "the stream does not exist");
    return stream;
  }

  async #save(stream: SignalStream, changes: Partial<SignalStream>): Promise<SignalStream> {
    const changed = { ...stream, ...changes, version: stream.version + 1 };
    await saveStream(this.transmitter.store, changed);
    return changed;
  }

  /** Returns the delivery settings from a request. */
  async #delivery(streamId: string, { delivery }: StreamRequest) {
    if (delivery?.method !== PUSH) {
      return { method: POLL, endpoint_url: undefined, sealed_authorization: undefined } as const;
    }
    const { endpoint_url, authorization_header } = delivery;
    if (!isPushable(endpoint_url, this.transmitter.issuer)) {
      throw new StreamRequestError(
        400,
        "delivery.endpoint_url must be an https URL of a public host, without credentials and fragment",
      );
    }
    return {
      method: PUSH,
      endpoint_url,
      sealed_authorization: authorization_header
        ? await this.transmitter.seal(authorization_header, streamId)
        : undefined,
    } as const;
  }

  /** Creates a stream and returns its configuration. */
  async create(owner: string, body: unknown): Promise<Record<string, unknown>> {
    const request = parse(streamRequestSchema, body);
    const { store, settings, clock } = this.transmitter;
    const all = await listStreams(store);
    const own = all.filter((stream) => stream.owner === owner);
    if (own.length >= settings.streamsPerReceiver || all.length >= MAX_STREAMS) {
      throw new StreamRequestError(409, "there are too many streams. Update or delete one");
    }
    const stream_id = randomUUID().replaceAll("-", "");
    const stream: SignalStream = {
      stream_id,
      owner,
      aud: settings.audiences[owner] ?? [owner],
      ...(await this.#delivery(stream_id, request)),
      events_requested: request.events_requested,
      description: request.description,
      status: "enabled",
      created_at: toInstant(clock()),
      version: 1,
    };
    await saveStream(store, stream);
    return this.#shown(stream);
  }

  /** Returns one stream, or all of the receiver's streams. */
  async read(owner: string, streamId: string | undefined): Promise<unknown> {
    if (streamId !== undefined) return this.#shown(await this.#own(owner, streamId));
    const all = await listStreams(this.transmitter.store);
    return all.filter((stream) => stream.owner === owner).map((stream) => this.#shown(stream));
  }

  /** @param isWhole whether members missing in the request are removed (PUT) or kept (PATCH) */
  async update(owner: string, body: unknown, isWhole: boolean): Promise<Record<string, unknown>> {
    const request = parse(streamRequestSchema.required({ stream_id: true }), body);
    const stream = await this.#own(owner, request.stream_id);
    const delivery =
      isWhole || request.delivery ? await this.#delivery(stream.stream_id, request) : {};
    const keep: Partial<SignalStream> = isWhole ? {} : stream;
    const changed = await this.#save(stream, {
      ...delivery,
      events_requested: request.events_requested ?? keep.events_requested,
      description: request.description ?? keep.description,
    });
    if (changed.method === PUSH && stream.method === POLL && changed.status === "enabled") {
      await schedulePending(this.transmitter, changed);
    }
    return this.#shown(changed);
  }

  async delete(owner: string, streamId: string | undefined): Promise<void> {
    const { stream_id } = parse(streamIdSchema, { stream_id: streamId });
    await this.#own(owner, stream_id);
    await deleteStream(this.transmitter.store, stream_id);
  }

  async readStatus(owner: string, streamId: string | undefined): Promise<Record<string, unknown>> {
    const { stream_id } = parse(streamIdSchema, { stream_id: streamId });
    const { status, status_reason: reason } = await this.#own(owner, stream_id);
    return { stream_id, status, ...(reason !== undefined && { reason }) };
  }

  /**
   * Changes a stream's status. A paused stream keeps its pending SETs for the retention period. A disabled stream drops
   * them.
   */
  async updateStatus(owner: string, body: unknown): Promise<Record<string, unknown>> {
    const { stream_id, status, reason } = parse(statusSchema, body);
    const stream = await this.#own(owner, stream_id);
    const changed = await this.#save(stream, { status, status_reason: reason });
    if (status === "disabled") await dropPending(this.transmitter.store, stream_id);
    if (status === "enabled" && stream.status === "paused") {
      await schedulePending(this.transmitter, changed);
    }
    return this.readStatus(owner, stream_id);
  }

  async setSubject(owner: string, body: unknown, added: boolean): Promise<void> {
    const { stream_id, subject } = parse(subjectSchema, body);
    await this.#own(owner, stream_id);
    const { store } = this.transmitter;
    if ((await listSubjects(store, stream_id)).length >= MAX_SUBJECTS) {
      throw new StreamRequestError(429, `a stream has at most ${MAX_SUBJECTS} subjects`);
    }
    await setSubject(store, stream_id, { subject, added });
  }

  /** Sends a verification event through the stream, like any other SET. */
  async verify(owner: string, body: unknown): Promise<void> {
    const { stream_id, state } = parse(verificationSchema, body);
    const stream = await this.#own(owner, stream_id);
    const nowMs = this.transmitter.clock();
    const sinceMs = nowMs - (stream.verified_at_ms ?? 0);
    if (sinceMs < MIN_VERIFICATION_INTERVAL_SECONDS * SECOND_MS) {
      throw new StreamRequestError(429, "the stream was verified a moment ago. Try again later");
    }
    if (stream.status === "disabled") {
      throw new StreamRequestError(400, "the stream is disabled. Enable it first");
    }
    const changed = await this.#save(stream, { verified_at_ms: nowMs });
    await transmitAboutStream(
      this.transmitter,
      changed,
      "verification",
      state === undefined ? {} : { state },
    );
  }
}

import * as z from "zod";
import type { Clock } from "../../core/clock.ts";
import { InvalidInputError } from "../../core/errors.ts";
import type { Logger } from "../../core/telemetry.ts";
import { StreamRequestError } from "./manage-streams.ts";
import { type SigningKeys, signSet } from "./set-signer.ts";
import { POLL } from "./stream.ts";
import { acknowledgeSets, findStream, listPending, type StreamStore } from "./stream-store.ts";

/** Maximum SETs in one response. This many can be signed within a second or two. */
const MAX_SETS = 50;

const jtiSchema = z.string().min(1).max(256);

/** A poll request (RFC 8936, section 2.2). */
const requestSchema = z.looseObject({
  maxEvents: z.int().min(0).default(MAX_SETS),
  /** Ignored: the response never waits for new SETs, because a waiting Lambda function costs money. */
  returnImmediately: z.boolean().default(false),
  ack: z.array(jtiSchema).max(1000).default([]),
  setErrs: z
    .record(
      jtiSchema,
      z.looseObject({ err: z.string().max(64), description: z.string().max(1024).optional() }),
    )
    .default({}),
});

/** Dependencies of `answerPoll`. */
export interface PollAnswerer {
  readonly store: StreamStore;
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A poll response (RFC 8936, section 2.3). */
export interface PollAnswer {
  readonly sets: Readonly<Record<string, string>>;
  readonly moreAvailable: boolean;
}

/**
 * Answers a poll: removes SETs that the receiver acknowledged or rejected, then returns the oldest pending SETs. A SET
 * is returned in every poll until it is acknowledged or rejected.
 *
 * @throws StreamRequestError if the receiver has no such stream or the request is invalid
 */
export async function answerPoll(
  { store, keys, clock, logger }: PollAnswerer,
  owner: string,
  streamId: string,
  body: unknown,
): Promise<PollAnswer> {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) {
    throw new StreamRequestError(400, new InvalidInputError("the request", parsed.error).message);
  }
  const stream = await findStream(store, streamId);
  if (stream?.owner !== owner || stream.method !== POLL) {
    throw new StreamRequestError(404, "the stream does not exist");
  }
  const { ack, setErrs, maxEvents } = parsed.data;
  for (const [jti, { err, description }] of Object.entries(setErrs)) {
    logger.error("A receiver rejected a SET", { stream_id: streamId, jti, err, description });
  }
  await acknowledgeSets(store, streamId, [...ack, ...Object.keys(setErrs)]);
  if (stream.status !== "enabled") return { sets: {}, moreAvailable: false };
  const limit = Math.min(maxEvents, MAX_SETS);
  const { sets, more } = await listPending(store, streamId, limit, clock());
  const signed = await Promise.all(
    sets.map(async ({ jti, claims }) => [jti, await signSet(keys, claims)] as const),
  );
  return { sets: Object.fromEntries(signed), moreAvailable: more };
}

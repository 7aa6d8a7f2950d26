import * as z from "zod";
import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { OAuthMonitoringError } from "../../core/errors.ts";
import { askIssuer, IssuerUnavailableError } from "../../token-verifiers/fetch-document.ts";
import { receiveSet, type SetReceiver } from "./receive-set.ts";
import { MAX_SET_LENGTH, type SetRejection } from "./security-event-token.ts";

/** Thrown if a transmitter's response to a poll is invalid (RFC 8936, section 2.3). */
export class PollError extends OAuthMonitoringError {
  override readonly name = "PollError";
}

/** A poll response (RFC 8936, section 2.3): SETs by `jti`. */
const answerSchema = z.looseObject({
  sets: z.record(z.string().min(1).max(1024), z.string()),
  moreAvailable: z.boolean().default(false),
});

/** The acknowledgements and errors to send in the next request (RFC 8936, section 2.2). */
interface Outcome {
  readonly ack: string[];
  readonly setErrs: Record<string, SetRejection>;
}

/** The number of SETs, by result. */
export interface PollRun {
  readonly accepted: number;
  readonly rejected: number;
  /** SETs that the transmitter will deliver again. */
  readonly deferred: number;
}

/** Options for polling a transmitter. */
export interface PollOptions {
  /** The complete `Authorization` header. */
  readonly authorization: string;
  /** Time at which the run must end, epoch milliseconds. */
  readonly deadlineMs: number;
}

const TIMEOUT_MS = 10_000;
/** Enough for 100 SETs of maximum length. The configuration allows at most 100 SETs per request. */
const MAX_ANSWER_BYTES = 100 * MAX_SET_LENGTH;

async function ask(
  { poll }: TransmitterConfig,
  authorization: string,
  outcome: Outcome,
  maxEvents: number,
): Promise<z.output<typeof answerSchema>> {
  const endpoint = poll?.endpoint ?? "";
  const { ack, setErrs } = outcome;
  const { status, text } = await askIssuer(
    endpoint,
    {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", authorization },
      body: JSON.stringify({
        maxEvents,
        returnImmediately: true,
        ...(ack.length > 0 && { ack }),
        ...(Object.keys(setErrs).length > 0 && { setErrs }),
      }),
    },
    { timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES },
  );
  if (status !== 200) throw new IssuerUnavailableError(`${endpoint} returned status ${status}`);
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    throw new PollError(`${endpoint} did not return a valid poll response (RFC 8936)`);
  }
}

/**
 * Fetches and acknowledges SETs until the stream is empty (RFC 8936). A SET is acknowledged only after its events are
 * published and its actions are in effect, so an interrupted run loses nothing.
 *
 * @throws IssuerUnavailableError if the transmitter doesn't respond
 * @throws PollError if the transmitter's response is invalid
 */
export async function pollSets(
  receiver: SetReceiver,
  transmitter: TransmitterConfig,
  { authorization, deadlineMs }: PollOptions,
): Promise<PollRun> {
  const run = { accepted: 0, rejected: 0, deferred: 0 };
  const maxEvents = transmitter.poll?.maxEvents ?? 1;
  let outcome: Outcome = { ack: [], setErrs: {} };
  while (receiver.clock() < deadlineMs) {
    const { sets, moreAvailable } = await ask(transmitter, authorization, outcome, maxEvents);
    const received = Object.entries(sets);
    outcome = { ack: [], setErrs: {} };
    for (const [jti, text] of received) {
      const receipt = await receiveSet(receiver, text, async ({ name }) => {
        // A stream may contain only its own transmitter's SETs, not SETs from a different configured transmitter.
        return name === transmitter.name;
      }).catch((error: unknown) => {
        receiver.logger.error("A SET is deferred to the next poll", { jti, cause: String(error) });
        return undefined;
      });
      if (receipt?.status === "verified") {
        outcome.ack.push(jti);
        run.accepted += 1;
      } else if (receipt?.status === "rejected") {
        outcome.setErrs[jti] = { err: receipt.err, description: receipt.description };
        run.rejected += 1;
      } else run.deferred += 1;
    }
    const isDone = outcome.ack.length + Object.keys(outcome.setErrs).length === 0;
    // If nothing was acknowledged, the next response would be the same.
    if (isDone) return run;
    if (!moreAvailable) break;
  }
  if (outcome.ack.length + Object.keys(outcome.setErrs).length > 0) {
    // Only acknowledge, without requesting further SETs (RFC 8936, section 2.4.2).
    await ask(transmitter, authorization, outcome, 0);
  }
  return run;
}

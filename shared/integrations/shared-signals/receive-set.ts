import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import type { Logger } from "../../core/logger.ts";
import type { Tracking } from "../../events/track-event.ts";
import type { SetError } from "./security-event-token.ts";
import type { SetVerification, SetVerifier } from "./set-verifier.ts";
import { signalsOf } from "./signal-event.ts";
import { responseTo, type SignalRevocation } from "./signal-response.ts";

/** What a receiver of SETs needs. */
export interface SetReceiver extends Tracking {
  readonly verifier: SetVerifier;
  readonly logger: Logger;
  /** Revokes, or proposes to; rejects when it is not certain that it holds. Repeating it changes nothing. */
  readonly revoke: (revocation: SignalRevocation) => Promise<void>;
  /** Called once for each SET. */
  readonly onOutcome?: (outcome: SetOutcome) => void;
}

/** What became of a SET: taken, left to be delivered again, or refused by an error. */
export type SetOutcome = "taken" | "left" | SetError;

/** What became of a SET: taken, refused, or to be delivered again because the keys cannot be fetched. */
export type SetReceipt = SetVerification;

/** Whether the one who delivered a SET is its transmitter, as far as that is not said by the signature. */
export type IsFrom = (transmitter: TransmitterConfig) => Promise<boolean>;

const NOT_FROM: SetReceipt = {
  status: "refused",
  err: "authentication_failed",
  description: "the sender is not known to be the transmitter that the SET names",
};

/**
 * Takes a SET: verifies it, publishes its events, and does what the configuration asks for. When it resolves with
 * `verified`, the events are safe and the actions hold. A SET that comes again changes nothing.
 *
 * @param isFrom a further check of the transmitter; by default, the signature is all
 * @throws the error of the bus or of the action, so that the transmitter delivers the SET again
 */
export async function receiveSet(
  receiver: SetReceiver,
  text: string,
  isFrom: IsFrom = async () => true,
): Promise<SetReceipt> {
  const { onOutcome = () => {} } = receiver;
  try {
    const receipt = await take(receiver, text, isFrom);
    const left = receipt.status === "refused" ? receipt.err : "left";
    onOutcome(receipt.status === "verified" ? "taken" : left);
    return receipt;
  } catch (error) {
    onOutcome("left");
    throw error;
  }
}

async function take(receiver: SetReceiver, text: string, isFrom: IsFrom): Promise<SetReceipt> {
  const { verifier, clock, sink, logger, revoke } = receiver;
  const atMs = clock();
  let verification = await verifier.verify(text, atMs);
  if (verification.status === "verified" && !(await isFrom(verification.transmitter))) {
    verification = NOT_FROM;
  }
  if (verification.status !== "verified") {
    logger.warn("A SET was not taken", {
      ...(verification.status === "refused"
        ? { err: verification.err, description: verification.description }
        : { cause: verification.cause }),
    });
    return verification;
  }
  const { set, transmitter } = verification;
  const signals = signalsOf(set, transmitter);
  // A bus that is down must not keep a revocation from being made, nor the other way round.
  const outcomes = await Promise.allSettled([
    sink.publish(signals.map(({ event }) => event)),
    ...signals.map(async (signal) => {
      const revocation = responseTo(signal, transmitter, atMs);
      if (revocation) await revoke(revocation);
    }),
  ]);
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
  return verification;
}

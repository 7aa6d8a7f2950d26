import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import type { Logger } from "../../core/telemetry.ts";
import type { Tracking } from "../../events/track-event.ts";
import type { SetError } from "./security-event-token.ts";
import type { SetVerification, SetVerifier } from "./set-verifier.ts";
import { toSignals } from "./signal-event.ts";
import { responseTo, type SignalRevocation } from "./signal-response.ts";

/** Dependencies of `receiveSet`. */
export interface SetReceiver extends Tracking {
  readonly verifier: SetVerifier;
  readonly logger: Logger;
  /** Takes or proposes a revocation. Rejects unless the revocation is certain to be in effect. Must be idempotent. */
  readonly revoke: (revocation: SignalRevocation) => Promise<void>;
  /** Called once for each SET. */
  readonly onOutcome?: (outcome: SetOutcome) => void;
}

/** The outcome of a SET, for metrics: accepted, deferred until it is delivered again, or why it was rejected. */
export type SetOutcome = "accepted" | "deferred" | SetError;

/** The result of receiving a SET: verified, rejected, or to be redelivered because the keys can't be fetched. */
export type SetReceipt = SetVerification;

/** Checks the sender of a SET in addition to the signature. Returns whether the sender is the transmitter. */
export type IsFrom = (transmitter: TransmitterConfig) => Promise<boolean>;

const NOT_FROM: SetReceipt = {
  status: "rejected",
  err: "authentication_failed",
  description: "the sender is not the SET's transmitter",
};

/**
 * Receives a SET: verifies it, publishes its events and takes the configured actions. When this resolves with
 * `verified`, the events are published and the actions are in effect. Idempotent.
 *
 * @param isFrom additional check of the sender. Default: the signature is sufficient
 * @throws any error from the bus or the action, so that the transmitter delivers the SET again
 */
export async function receiveSet(
  receiver: SetReceiver,
  text: string,
  isFrom: IsFrom = async () => true,
): Promise<SetReceipt> {
  const { onOutcome = () => {} } = receiver;
  try {
    const receipt = await accept(receiver, text, isFrom);
    const failure = receipt.status === "rejected" ? receipt.err : "deferred";
    onOutcome(receipt.status === "verified" ? "accepted" : failure);
    return receipt;
  } catch (error) {
    onOutcome("deferred");
    throw error;
  }
}

async function accept(receiver: SetReceiver, text: string, isFrom: IsFrom): Promise<SetReceipt> {
  const { verifier, clock, sink, logger, revoke } = receiver;
  const atMs = clock();
  let verification = await verifier.verify(text, atMs);
  if (verification.status === "verified" && !(await isFrom(verification.transmitter))) {
    verification = NOT_FROM;
  }
  if (verification.status !== "verified") {
    logger.warn("A SET was rejected", {
      ...(verification.status === "rejected"
        ? { err: verification.err, description: verification.description }
        : { cause: verification.cause }),
    });
    return verification;
  }
  const { set, transmitter } = verification;
  const signals = toSignals(set, transmitter);
  // Run both even if one fails: a bus outage must not prevent a revocation, and vice versa.
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

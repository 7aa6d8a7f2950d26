import { OAuthMonitoringError } from "../../core/oauth-monitoring-error.ts";
import { postToReceiver } from "./post-to-receiver.ts";
import { type SigningKeys, signSet } from "./set-signer.ts";
import { isPushable, PUSH } from "./stream.ts";
import { findPending, findStream, removeSet, type StreamStore } from "./stream-store.ts";
import type { DuePush } from "./transmit.ts";

/** A receiver did not take a SET. */
export class DeliveryError extends OAuthMonitoringError {
  override readonly name = "DeliveryError";
}

/** What delivers SETs. */
export interface SetDelivery {
  readonly store: StreamStore;
  readonly keys: SigningKeys;
  /** This transmitter. */
  readonly issuer: string;
  /** Decrypts the header that the receiver of a stream wants. */
  readonly unseal: (sealed: string, streamId: string) => Promise<string>;
}

/**
 * Pushes a SET to its receiver (RFC 8935, section 2). There is nothing to do for one that was delivered before, or
 * whose stream is paused, disabled or deleted in the meantime.
 *
 * @returns whether it was delivered now
 * @throws DeliveryError when the receiver does not take it; what the store or the keys throw
 */
export async function deliverSet(
  { store, keys, issuer, unseal }: SetDelivery,
  push: DuePush,
): Promise<boolean> {
  const stream = await findStream(store, push.stream_id);
  if (stream?.status !== "enabled" || stream.method !== PUSH) return false;
  const { endpoint_url: url = "", sealed_authorization: sealed, stream_id } = stream;
  const pending = await findPending(store, stream_id, push);
  if (!pending) return false;
  if (!isPushable(url, issuer)) throw new DeliveryError("the stream's endpoint_url is not allowed");
  const request = {
    headers: {
      accept: "application/json",
      "content-type": "application/secevent+jwt",
      ...(sealed !== undefined && { authorization: await unseal(sealed, stream_id) }),
    },
    body: await signSet(keys, pending.claims),
  };
  const { status, text } = await postToReceiver(url, request).catch((error: unknown) => {
    throw new DeliveryError(`the receiver does not answer: ${String(error)}`);
  });
  // RFC 8935 asks for 202; some receivers answer with 200 or 204.
  if (status < 200 || status > 299) {
    const [, err = ""] = /"err"\s*:\s*"([a-z_]{1,64})"/.exec(text) ?? [];
    throw new DeliveryError(`the receiver answers with status ${status} ${err}`.trim());
  }
  await removeSet(store, stream_id, push);
  return true;
}

import { OAuthMonitoringError } from "../../core/oauth-monitoring-error.ts";
import { postToReceiver } from "./post-to-receiver.ts";
import { type SigningKeys, signSet } from "./set-signer.ts";
import { isPushable, PUSH } from "./stream.ts";
import { findPending, findStream, removeSet, type StreamStore } from "./stream-store.ts";
import type { DuePush } from "./transmit.ts";

/** Thrown if a receiver doesn't accept a SET. */
export class DeliveryError extends OAuthMonitoringError {
  override readonly name = "DeliveryError";
}

/** Dependencies of `deliverSet`. */
export interface SetDelivery {
  readonly store: StreamStore;
  readonly keys: SigningKeys;
  /** This transmitter's `iss`. */
  readonly issuer: string;
  /** Decrypts the `Authorization` header that a stream's receiver requires. */
  readonly unseal: (sealed: string, streamId: string) => Promise<string>;
}

/**
 * Pushes a SET to the stream's receiver (RFC 8935, section 2). Skips a SET that was already delivered, or whose stream
 * has since been paused, disabled or deleted.
 *
 * @returns whether this call delivered the SET
 * @throws DeliveryError if the receiver doesn't accept the SET
 * @throws any error from DynamoDB or the key store
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
    throw new DeliveryError(`the receiver did not respond: ${String(error)}`);
  });
  // RFC 8935 requires 202, but some receivers respond with 200 or 204.
  if (status < 200 || status > 299) {
    const [, err = ""] = /"err"\s*:\s*"([a-z_]{1,64})"/.exec(text) ?? [];
    throw new DeliveryError(`the receiver returned status ${status} ${err}`.trim());
  }
  await removeSet(store, stream_id, push);
  return true;
}

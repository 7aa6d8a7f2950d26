import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { OAuthMonitoringError } from "../../core/errors.ts";
import { isPublicAddress } from "../../events/ip-network.ts";
import { type SigningKeys, signSet } from "./set-signer.ts";
import { isPushable, PUSH } from "./stream.ts";
import { findPending, findStream, removeSet, type StreamStore } from "./stream-store.ts";
import type { DuePush } from "./transmit.ts";

/** A request to a receiver. */
export interface ReceiverRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Timeout for a receiver's response. */
const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Resolves a host name to all of its addresses. */
type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Creates an agent that connects only to public addresses. It checks the addresses that the connection actually uses,
 * which prevents DNS rebinding to a private network.
 *
 * @param lookup Default: the system's resolver
 */
export function publicAgent(lookup: Lookup = systemLookup): Agent {
  const guarded: LookupFunction = (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) return callback(error ?? new Error(`${hostname} has no address`), "");
      if (!addresses.every(({ address }) => isPublicAddress(address))) {
        return callback(new Error(`${hostname} has a special-use address (RFC 6890)`), "");
      }
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  return new Agent({ lookup: guarded });
}

const defaultAgent = publicAgent();

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("the response is too long");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Posts to a receiver's URL, which must pass `isPushable`. Doesn't follow redirects.
 *
 * @throws Error if there is no response within five seconds, or if the receiver's host name resolves to a special-use
 * address
 */
export async function postToReceiver(
  url: string,
  { headers, body }: ReceiverRequest,
  agent: Agent = defaultAgent,
): Promise<{ readonly status: number; readonly text: string }> {
  const options = { method: "POST", headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent =
      new URL(url).protocol === "http:"
        ? httpRequest(url, options, resolve)
        : httpsRequest(url, { ...options, agent }, resolve);
    sent.on("error", reject).end(body);
  });
  return { status: response.statusCode ?? 0, text: await readText(response) };
}

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

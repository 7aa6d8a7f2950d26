import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { isPublicAddress } from "../../events/public-address.ts";

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

import { NO_JSON, parseRpcBody } from "../http/rpc-call.ts";
import type { ServerRequest } from "./node-request.ts";

/** Maximum size of a JSON-RPC body in bytes. Larger bodies can't be checked. */
const MAX_RPC_BYTES = 4 * 1024 * 1024;

/**
 * Parses a stream as JSON. Returns undefined for an empty stream, and `NO_JSON` for one that is too long, incomplete or
 * not JSON.
 */
async function parseStream(chunks: AsyncIterable<Uint8Array>): Promise<unknown> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > MAX_RPC_BYTES) return NO_JSON;
      kept.push(chunk);
    }
  } catch {
    return NO_JSON;
  }
  return parseRpcBody(Buffer.concat(kept).toString("utf8"));
}

/**
 * Returns the JSON-RPC body of a Node.js request. A stream can be read only once, so an unparsed body is stored in
 * `request.body`, as body parsers do.
 */
export async function rpcOfNodeRequest(request: ServerRequest): Promise<unknown> {
  if (request.body !== undefined) return request.body;
  const body = await parseStream(request);
  if (body !== undefined && body !== NO_JSON) request.body = body;
  return body;
}

/** Returns the JSON-RPC body of a Fetch API request. Reads a clone, so that the application can still read the body. */
export async function rpcOfFetchRequest(request: Request): Promise<unknown> {
  const { body } = request.clone();
  return body === null ? undefined : parseStream(body);
}

import { NO_JSON, parseRpcBody } from "../http/rpc-call.ts";
import type { ServerRequest } from "./node-request.ts";

/** Bytes of a JSON-RPC call that are read; a longer one cannot be judged. */
const MAX_RPC_BYTES = 4 * 1024 * 1024;

/** Parses the text of a stream: undefined when it is empty, `NO_JSON` when it is too long, breaks off or is no JSON. */
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
 * The JSON-RPC call of a request of Node's HTTP server. A body that nothing has parsed yet is left in `body`, as
 * a body parser does, because its stream can be read only once.
 */
export async function rpcOfNodeRequest(request: ServerRequest): Promise<unknown> {
  if (request.body !== undefined) return request.body;
  const body = await parseStream(request);
  if (body !== undefined && body !== NO_JSON) request.body = body;
  return body;
}

/** The JSON-RPC call of a request of the fetch standard, whose own body stays unread. */
export async function rpcOfFetchRequest(request: Request): Promise<unknown> {
  const { body } = request.clone();
  return body === null ? undefined : parseStream(body);
}

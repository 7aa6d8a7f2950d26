import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import type { HttpAnswer } from "../http/refusal.ts";
import type { McpServer } from "./mcp-options.ts";

/** A longer name is no real one, and is no use in an event. */
const MAX_NAME = 128;

/** The part of a JSON-RPC request that a decision needs. A response has no method. */
const messageSchema = z.object({
  method: z.string(),
  params: z
    .object({ name: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

interface Called {
  readonly method: string;
  readonly tool: string | undefined;
}

function calledBy(message: unknown): Called | undefined {
  const parsed = messageSchema.safeParse(message);
  if (!parsed.success) return undefined;
  const { method, params } = parsed.data;
  return { method, tool: method === "tools/call" ? params?.name : undefined };
}

/** One value, or a list where a batch has several. */
function oneOrAll(values: readonly string[]): string | readonly string[] | undefined {
  const distinct = [...new Set(values.map((value) => value.slice(0, MAX_NAME)))];
  return distinct.length > 1 ? distinct : distinct[0];
}

/** A body that is no JSON (JSON-RPC 2.0, section 5.1). What it asks for cannot be judged, so it goes no further. */
export const PARSE_ERROR: HttpAnswer = {
  status: 400,
  headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
  body: '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
};

/** The body of a call, parsed: undefined without one, and `PARSE_ERROR` for what is no JSON. */
export function parseRpcBody(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return PARSE_ERROR;
  }
}

/**
 * What the body of an MCP call says of it: the JSON-RPC method and the tool for its event, and the scopes that
 * its tools need. A batch needs what all of its calls need.
 *
 * @param body parsed from JSON; a body that is no JSON-RPC says nothing
 */
export function describeRpc(
  body: unknown,
  { toolScopes }: McpServer,
): Pick<ProtectedRequest, "details" | "scopes"> {
  const calls = [body].flat().flatMap((message) => calledBy(message) ?? []);
  const tools = calls.flatMap(({ tool }) => tool ?? []);
  const method = oneOrAll(calls.map((call) => call.method));
  const tool = oneOrAll(tools);
  const scopes = tools.flatMap((each) =>
    Object.hasOwn(toolScopes, each) ? (toolScopes[each] ?? []) : [],
  );
  return {
    scopes: [...new Set(scopes)],
    details: {
      ...(method === undefined ? {} : { mcp_method: method }),
      ...(tool === undefined ? {} : { mcp_tool: tool }),
    },
  };
}

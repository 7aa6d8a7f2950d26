import * as z from "zod";
import type { BodyFailure, CallBody } from "../../shared/authorization/protected-request.ts";
import { cutText } from "../../shared/events/redact-text.ts";
import type { HttpAnswer } from "./denial.ts";
import type { McpServer } from "./mcp-options.ts";

/** Longest name to store in an event, in bytes. Real names are shorter. */
const MAX_NAME_BYTES = 128;

/** Maximum number of methods in one event, and also of tools. */
const MAX_NAMES = 10;

/** Maximum number of messages in a batch. MCP removed batches in revision 2025-06-18. */
const MAX_MESSAGES = 100;

/** The JSON-RPC fields that a decision needs. A JSON-RPC response has no method, so it doesn't match. */
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

/** Returns an event detail: one name, or a list for a batch, plus the number of names that were left out. */
function namesDetail(name: "mcp_method" | "mcp_tool", values: readonly string[]) {
  const distinct = [...new Set(values)];
  if (distinct.length === 0) return {};
  const names = distinct.slice(0, MAX_NAMES).map((value) => cutText(value, MAX_NAME_BYTES));
  return {
    [name]: names.length > 1 ? names : names[0],
    ...(distinct.length > MAX_NAMES && { [`${name}_more`]: distinct.length - MAX_NAMES }),
  };
}

/** Returned instead of a parsed body if the body isn't JSON or is too long. */
export const NO_JSON = Symbol("not JSON");

/** Parses the body of a call. Returns undefined for an empty body. */
export function parseRpcBody(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}

/**
 * Describes an MCP call: the JSON-RPC methods and tools for its event, and the scopes that the tools require. A batch
 * requires the scopes of all tools that it calls.
 *
 * @param body parsed JSON. A body that isn't JSON-RPC adds nothing.
 */
export function describeRpc(body: unknown, { toolScopes }: McpServer): CallBody {
  if (body === NO_JSON) return { status: "rejected", reason: "malformed_body" };
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (messages.length > MAX_MESSAGES) return { status: "rejected", reason: "oversized_batch" };
  const calls = messages.flatMap((message) => calledBy(message) ?? []);
  const tools = calls.flatMap(({ tool }) => tool ?? []);
  const scopes = tools.flatMap((each) =>
    Object.hasOwn(toolScopes, each) ? (toolScopes[each] ?? []) : [],
  );
  return {
    status: "read",
    scopes: [...new Set(scopes)],
    details: {
      ...namesDetail(
        "mcp_method",
        calls.map(({ method }) => method),
      ),
      ...namesDetail("mcp_tool", tools),
    },
  };
}

/** JSON-RPC 2.0, section 5.1. */
const ERRORS = {
  malformed_body: { code: -32700, message: "Parse error" },
  oversized_batch: {
    code: -32600,
    message: `Invalid Request: a batch has at most ${MAX_MESSAGES} messages`,
  },
} as const satisfies Record<BodyFailure, object>;

/** Returns the JSON-RPC error response to a call whose body can't be checked. */
export function rpcError(reason: BodyFailure): HttpAnswer {
  return {
    status: 400,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    body: JSON.stringify({ jsonrpc: "2.0", error: ERRORS[reason], id: null }),
  };
}

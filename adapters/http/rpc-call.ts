import * as z from "zod";
import type { BodyFailure, CallBody } from "../../shared/authorization/call-body.ts";
import { cutText } from "../../shared/events/cut-text.ts";
import type { McpServer } from "./mcp-options.ts";
import type { HttpAnswer } from "./refusal.ts";

/** A longer name is no real one, and is no use in an event. */
const MAX_NAME_BYTES = 128;

/** Distinct methods, and distinct tools, that one event names. */
const MAX_NAMES = 10;

/** Messages of a batch. MCP has had no batches since its revision 2025-06-18. */
const MAX_MESSAGES = 100;

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

/** A detail of an event: one value, or a list where a batch has several, and how many more there were. */
function namesDetail(name: "mcp_method" | "mcp_tool", values: readonly string[]) {
  const distinct = [...new Set(values)];
  if (distinct.length === 0) return {};
  const kept = distinct.slice(0, MAX_NAMES).map((value) => cutText(value, MAX_NAME_BYTES));
  return {
    [name]: kept.length > 1 ? kept : kept[0],
    ...(distinct.length > MAX_NAMES && { [`${name}_more`]: distinct.length - MAX_NAMES }),
  };
}

/** The body of a call that is no JSON, or too long to be read. */
export const NO_JSON = Symbol("no JSON");

/** Parses the body of a call: undefined without one. */
export function parseRpcBody(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}

/**
 * Describes an MCP call by its body: the JSON-RPC methods and the tools for its event, and the scopes that its tools
 * need. A batch needs the scopes of all its tools.
 *
 * @param body parsed from JSON; a body that is no JSON-RPC adds nothing
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

/** The answer to a call whose body cannot be judged. */
export function rpcError(reason: BodyFailure): HttpAnswer {
  return {
    status: 400,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    body: JSON.stringify({ jsonrpc: "2.0", error: ERRORS[reason], id: null }),
  };
}

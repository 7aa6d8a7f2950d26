import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { type DecidedCall, type DoorContext, decide } from "../decide/decide.ts";
import { type Caller, callerOfDecision } from "../http/caller.ts";
import { answerOf, type HttpAnswer, refusalOf } from "../http/refusal.ts";
import { type McpOptions, parseMcpOptions } from "../mcp/mcp-options.ts";
import { describeResource } from "../mcp/protected-resource.ts";
import { describeRpc, PARSE_ERROR } from "../mcp/rpc-call.ts";

/** What becomes of a call: it goes on to the handler, or it is answered. */
export interface CheckedCall {
  /** The decision and the work of tracking; undefined for a call that needs no decision. */
  readonly decided?: DecidedCall;
  /** Who calls, when the call goes on. */
  readonly caller?: Caller;
  /** The answer, when the call goes no further. */
  readonly answer?: HttpAnswer;
}

/** Checks calls for a door that answers them itself. */
export interface CallCheck {
  /** The origin of the MCP server's address, if there is one. */
  readonly mcpOrigin: string | undefined;
  /** Whether a decision needs the body of calls. */
  readonly readsBody: boolean;
  /**
   * Checks one call.
   *
   * @param body parsed by `parseRpcBody`, where the decision needs it
   */
  check(request: ProtectedRequest, body?: unknown): Promise<CheckedCall>;
  /** The answer to a request for the metadata of an MCP server, which needs no token. */
  metadata(method: string, path: string): HttpAnswer | undefined;
}

/** @throws InvalidInputError naming each wrong option of the MCP server */
export function createCallCheck(door: DoorContext, options: McpOptions | undefined): CallCheck {
  const mcp = options && parseMcpOptions(options);
  const resource = mcp && describeResource(mcp);
  const { realm, dpop } = door.config;
  const challenge = {
    realm,
    dpopAlgorithms: dpop.algorithms,
    resourceMetadata: resource?.metadataUrl,
  };
  return {
    mcpOrigin: mcp && new URL(mcp.resource).origin,
    readsBody: mcp !== undefined,
    metadata: (method, path) => resource?.answer(method, path),
    async check(request, body) {
      const decided = await decide(door, { ...request, ...(mcp && describeRpc(body, mcp)) });
      const { decision } = decided;
      if (decision.outcome !== "allowed") {
        return { decided, answer: answerOf(refusalOf(decision), challenge, request.requestId) };
      }
      if (body === PARSE_ERROR) return { decided, answer: PARSE_ERROR };
      return { decided, caller: callerOfDecision(decision) };
    },
  };
}

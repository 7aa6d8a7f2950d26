import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";
import { type Caller, callerOfDecision } from "./caller.ts";
import { type AdapterContext, type DecidedCall, decide } from "./decide.ts";
import { type McpOptions, parseMcpOptions } from "./mcp-options.ts";
import { describeResource } from "./protected-resource.ts";
import { answerOf, type HttpAnswer, refusalOf } from "./refusal.ts";
import { describeRpc, rpcError } from "./rpc-call.ts";

/** What becomes of a call: it goes on to the handler, or it is answered. */
export interface CheckedCall {
  /** The decision and the work of tracking; undefined for a call that needs no decision. */
  readonly decided?: DecidedCall;
  /** Who calls, when the call goes on. */
  readonly caller?: Caller;
  /** The answer, when the call goes no further. */
  readonly answer?: HttpAnswer;
}

/** Checks calls for an adapter that answers them itself. */
export interface CallCheck {
  /** The origin of the MCP server's address, if there is one. */
  readonly mcpOrigin: string | undefined;
  /**
   * Checks one call.
   *
   * @param readRpc reads the body and parses it by `parseRpcBody`. It is called only if the decision needs the body.
   */
  check(request: ProtectedRequest, readRpc: () => Promise<unknown>): Promise<CheckedCall>;
  /** The answer to a request for the metadata of an MCP server, which needs no token. */
  metadata(method: string, path: string): HttpAnswer | undefined;
}

/** @throws InvalidInputError naming each wrong option of the MCP server */
export function createCallCheck(
  adapter: AdapterContext,
  options: McpOptions | undefined,
): CallCheck {
  const mcp = options && parseMcpOptions(options);
  const resource = mcp && describeResource(mcp);
  const { realm, dpop } = adapter.config;
  const challenge = {
    realm,
    dpopAlgorithms: dpop.algorithms,
    resourceMetadata: resource?.metadataUrl,
  };
  return {
    mcpOrigin: mcp && new URL(mcp.resource).origin,
    metadata: (method, path) => resource?.answer(method, path),
    async check(request, readRpc) {
      const readBody = mcp && (async () => describeRpc(await readRpc(), mcp));
      const decided = await decide(adapter, { ...request, readBody });
      const { decision } = decided;
      if (decision.outcome === "malformed_request") {
        return { decided, answer: rpcError(decision.reason) };
      }
      if (decision.outcome !== "allowed") {
        return { decided, answer: answerOf(refusalOf(decision), challenge, request.requestId) };
      }
      return { decided, caller: callerOfDecision(decision) };
    },
  };
}

import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import {
  type AdapterContext,
  type Caller,
  callerOfDecision,
  type DecidedCall,
  decide,
} from "./decide.ts";
import { buildAnswer, type HttpAnswer, toDenial } from "./denial.ts";
import { describeResource, type McpOptions, parseMcpOptions } from "./mcp-options.ts";
import { describeRpc, rpcError } from "./rpc-call.ts";

/** The result of a check: an allowed call has a `caller`, any other call has an `answer`. */
export interface CheckedCall {
  /** The decision and the work that it defers. Undefined if the call needs no decision. */
  readonly decided?: DecidedCall;
  /** The caller, if the call is allowed. */
  readonly caller?: Caller;
  /** The response to send, if the call isn't passed to the application. */
  readonly answer?: HttpAnswer;
}

/** Checks calls for an adapter that sends responses itself. */
export interface CallCheck {
  /** The origin of the MCP server's resource URL. Undefined without an MCP server. */
  readonly mcpOrigin: string | undefined;
  /**
   * Checks one call.
   *
   * @param readRpc reads the body and parses it with `parseRpcBody`. Called only if the decision needs the body.
   */
  check(request: ProtectedRequest, readRpc: () => Promise<unknown>): Promise<CheckedCall>;
  /** Returns the response to a request for the MCP server's metadata, which needs no token. */
  metadata(method: string, path: string): HttpAnswer | undefined;
}

/**
 * Creates the check.
 *
 * @throws InvalidInputError naming each invalid MCP option
 */
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
        return { decided, answer: buildAnswer(toDenial(decision), challenge, request.requestId) };
      }
      return { decided, caller: callerOfDecision(decision) };
    },
  };
}

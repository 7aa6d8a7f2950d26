import type { EventData } from "../events/event-data.ts";

/** Why a call's body is rejected. */
export type BodyFailure = "malformed_body" | "oversized_batch";

/** The result of reading a call's body. */
export type CallBody =
  | {
      readonly status: "read";
      /** Scopes that the call needs in addition to its route's scopes, such as those for an MCP tool. */
      readonly scopes: readonly string[];
      /** Event details, such as the MCP tool. */
      readonly details: EventData;
    }
  | { readonly status: "rejected"; readonly reason: BodyFailure };

/** Reads the body of a call. Never throws because of caller input. */
export type BodyReader = () => Promise<CallBody>;

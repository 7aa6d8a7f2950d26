import type { EventData } from "../events/event-data.ts";

/** The reason for rejecting the body of a call. */
export type BodyFailure = "malformed_body" | "oversized_batch";

/** The result of reading a call's body. */
export type CallBody =
  | {
      readonly status: "read";
      /** Scopes that the call needs in addition to those of its route, such as the scopes of an MCP tool. */
      readonly scopes: readonly string[];
      /** Event details, such as the MCP tool. */
      readonly details: EventData;
    }
  | { readonly status: "rejected"; readonly reason: BodyFailure };

/** Reads the body of a call. Never throws because of caller input. */
export type BodyReader = () => Promise<CallBody>;

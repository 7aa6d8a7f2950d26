import type { EventData } from "../events/event-data.ts";

/** Why the body of a call is rejected. */
export type BodyFailure = "malformed_body" | "oversized_batch";

/** What the body of a call adds to its decision. */
export type CallBody =
  | {
      readonly status: "read";
      /** Scopes that the call needs in addition to those of its route, such as those of an MCP tool. */
      readonly scopes: readonly string[];
      /** Details for the events, such as the MCP tool. */
      readonly details: EventData;
    }
  | { readonly status: "rejected"; readonly reason: BodyFailure };

/** Reads the body of a call. It does not throw because of a caller's input. */
export type BodyReader = () => Promise<CallBody>;

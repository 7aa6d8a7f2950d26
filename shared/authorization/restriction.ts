import * as z from "zod";

/**
 * An entry of the list:
 * - `block`: calls of the target are refused until an instant
 * - `revoke`: tokens and sessions of the target that began before an instant are refused
 * - `release`: the entries of another action hold no more
 */
export const restrictionSchema = z.object({
  effect: z.enum(["block", "revoke", "release"]),
  /** Its position. */
  seq: z.string(),
  action_id: z.string(),
  target_kind: z.enum(["token", "user", "client", "session", "address", "network", "all"]),
  target_id: z.string(),
  /** When it ends, UTC. */
  until: z.string(),
  /** Of a revocation: what began before this instant is refused. */
  issued_before: z.string().optional(),
  /** Of a revocation: when it was made. */
  revoked_at: z.string().optional(),
});

export type Restriction = z.output<typeof restrictionSchema>;

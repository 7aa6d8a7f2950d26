import * as z from "zod";

/**
 * A deny list entry:
 * - `block`: the target's calls are denied until `until`
 * - `revoke`: the target's tokens and sessions from before `issued_before` are denied
 * - `release`: ends the earlier entries of the same action
 */
export const restrictionSchema = z.object({
  effect: z.enum(["block", "revoke", "release"]),
  /** Position in the deny list. */
  seq: z.string(),
  action_id: z.string(),
  target_kind: z.enum(["token", "user", "client", "session", "address", "network", "all"]),
  target_id: z.string(),
  /** End time, UTC. */
  until: z.string(),
  /** Revocations only: tokens and sessions from before this time are denied, UTC. */
  issued_before: z.string().optional(),
  /** Revocations only: time of the revocation, UTC. */
  revoked_at: z.string().optional(),
});

export type Restriction = z.output<typeof restrictionSchema>;

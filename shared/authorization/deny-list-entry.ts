import * as z from "zod";
import type { DocumentClient } from "../core/document-client.ts";

/**
 * A deny list entry:
 * - `block`: the target's calls are denied until `until`
 * - `revoke`: the target's tokens and sessions from before `issued_before` are denied
 * - `release`: ends the earlier entries of the same action
 */
export const denyListEntrySchema = z.object({
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

export type DenyListEntry = z.output<typeof denyListEntrySchema>;

/** A deny list entry that blocks its target. */
export type Block = DenyListEntry & {
  readonly effect: "block";
  readonly target_kind: Exclude<DenyListEntry["target_kind"], "all">;
};

/** A deny list entry that revokes its target's tokens and sessions. */
export type Revocation = DenyListEntry & {
  readonly effect: "revoke";
  readonly issued_before: string;
  readonly revoked_at: string;
};

/** A deny list entry that ends its action's earlier entries. It has the same target as they do. */
export type Release = DenyListEntry & { readonly effect: "release" };

/** A deny list entry without its position. */
export type NewDenyListEntry = Omit<Block, "seq"> | Omit<Revocation, "seq"> | Omit<Release, "seq">;

/** A principal's IDs that deny list entries can target. */
export interface PrincipalIds {
  readonly tokenId: string;
  readonly clientId: string;
  readonly userId?: string | undefined;
  /** The call's sessions: this product's and the issuer's. */
  readonly sessionIds: readonly string[];
}

/** Lookups in the deny list. */
export interface DenyList {
  /** Returns the block on the address, or on a network that contains the address. */
  findAddressBlock(ip: string, atMs: number): Block | undefined;
  /** Returns the block on the token, user, client or any of the sessions. */
  findBlock(principal: PrincipalIds, atMs: number): Block | undefined;
  /**
   * Returns the revocation that applies to a token or session.
   *
   * @param startedAt issue time of the token or start time of the session, UTC
   */
  findRevocation(principal: PrincipalIds, startedAt: string, atMs: number): Revocation | undefined;
}

/** The DynamoDB table of the deny list. */
export interface DenyListStore {
  readonly db: DocumentClient;
  readonly denyListTable: string;
}

/** Maximum number of active entries. Every adapter keeps them in memory. */
export const MAX_DENY_LIST_ENTRIES = 10_000;

/** Partition key for the entries. */
export const LOG = "log";

/** Sort key for the copies of the latest position. */
export const HEAD = "head";

/**
 * Number of copies of the latest position. Each adapter process reads one copy per call, and a partition serves about
 * 3,000 such reads per second.
 */
export const HEAD_COPIES = 16;

/** Returns the partition key for a copy of the latest position. */
export const headList = (copy: number) => `head:${copy}`;

/** Formats a position as text whose alphabetical order is the numeric order. */
export const toSeq = (position: number) => String(position).padStart(12, "0");

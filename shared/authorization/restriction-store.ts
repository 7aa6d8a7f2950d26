import type { DocumentClient } from "../core/document-client.ts";
import type { Restriction } from "./restriction.ts";

/** The DynamoDB table of the deny list. */
export interface RestrictionStore {
  readonly db: DocumentClient;
  readonly restrictionsTable: string;
}

/** A deny list entry that blocks its target. */
export type Block = Restriction & {
  readonly effect: "block";
  readonly target_kind: Exclude<Restriction["target_kind"], "all">;
};

/** A deny list entry that revokes its target's tokens and sessions. */
export type Revocation = Restriction & {
  readonly effect: "revoke";
  readonly issued_before: string;
  readonly revoked_at: string;
};

/** A deny list entry that ends its action's earlier entries. It has the same target as they do. */
export type Release = Restriction & { readonly effect: "release" };

/** A deny list entry without its position. */
export type NewRestriction = Omit<Block, "seq"> | Omit<Revocation, "seq"> | Omit<Release, "seq">;

/** Maximum number of active entries. Every adapter keeps them in memory. */
export const MOST_RESTRICTIONS = 10_000;

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

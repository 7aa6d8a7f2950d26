import type { DocumentClient } from "../core/document-client.ts";
import type { Restriction } from "./restriction.ts";

/** Where the list of restrictions is kept. */
export interface RestrictionStore {
  readonly db: DocumentClient;
  readonly restrictionsTable: string;
}

/** A restriction that is a block. */
export type Block = Restriction & {
  readonly effect: "block";
  readonly target_kind: Exclude<Restriction["target_kind"], "all">;
};

/** A restriction that is a revocation. */
export type Revocation = Restriction & {
  readonly effect: "revoke";
  readonly issued_before: string;
  readonly revoked_at: string;
};

/** The end of an action's entries: it names the target as they do. */
export type Release = Restriction & { readonly effect: "release" };

/** An entry before it has its position. */
export type NewRestriction = Omit<Block, "seq"> | Omit<Revocation, "seq"> | Omit<Release, "seq">;

/** The most entries that hold at a time: every adapter keeps them in memory. */
export const MOST_RESTRICTIONS = 10_000;

/** The partition of the list. */
export const LOG = "log";

/** The sort key of the copies of the latest position. */
export const HEAD = "head";

/**
 * Copies of the latest position. Each process of an adapter reads one of them at every call, and a partition answers
 * about 3,000 such reads a second.
 */
export const HEAD_COPIES = 16;

/** The partition of a copy of the latest position. */
export const headList = (copy: number) => `head:${copy}`;

/** Positions are text that sorts as the numbers do. */
export const toSeq = (position: number) => String(position).padStart(12, "0");

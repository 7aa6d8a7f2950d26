import * as z from "zod";
import { identifierSchema, uuidSchema } from "../envelope/identifiers.ts";
import { instantSchema } from "../time/clock.ts";
import { actionTargetSchema } from "./action-target.ts";

/**
 * What can be done:
 * - `revoke`: every token of the target that was issued up to now, or before an instant, is refused for good
 * - `block`: every call of the target is refused until an instant
 */
export const ACTION_KINDS = ["revoke", "block"] as const;

/**
 * Where an action stands:
 * - `pending`: it is being taken; a retry with its key completes it
 * - `proposed`: it waits for approval
 * - `dry_run`: it is recorded as if it had been taken
 * - `done`: it holds
 * - `released`: it was a block, and was ended early
 * - `expired`: it was a block, and its time is over
 * - `rejected`: it was proposed, and was not approved
 */
export const ACTION_STATES = [
  "pending",
  "proposed",
  "dry_run",
  "done",
  "released",
  "expired",
  "rejected",
] as const;

/** Who takes an action. */
export const actorSchema = z.strictObject({
  /** `administrator` by API, dashboard or command line; `policy` of a rule; `receiver` of security events. */
  kind: z.enum(["administrator", "policy", "receiver"]),
  /** The user or client of the administrator's token, the rule, or the transmitter's name. */
  id: identifierSchema,
});

export type Actor = z.output<typeof actorSchema>;

/** What an action hits, as far as it was counted. */
export const actionHitsSchema = z.object({
  /** Active tokens of the target that this store knows. */
  tokens: z.int(),
  /** Active sessions of the target. */
  sessions: z.int(),
  /** Whether there are more than were counted. */
  more: z.boolean(),
});

export type ActionHits = z.output<typeof actionHitsSchema>;

/** An action as it is stored. */
export const actionSchema = z.object({
  action_id: uuidSchema,
  kind: z.enum(ACTION_KINDS),
  target: actionTargetSchema,
  state: z.enum(ACTION_STATES),
  /** Why, in the actor's words. */
  reason: z.string(),
  actor: actorSchema,
  /** UTC, milliseconds. */
  requested_at: z.string(),
  /** From when on it held: no call that begins later is let in. */
  done_at: z.string().optional(),
  /** Of a revocation: tokens issued before this instant are refused. */
  issued_before: z.string().optional(),
  /** Of a block: when it ends. */
  until: z.string().optional(),
  /** What it hit when it was requested. */
  hits: actionHitsSchema,
  /** Of a revocation: how many tokens were marked as revoked so far. */
  tokens_revoked: z.int().optional(),
  /** Of a revocation: whether every token that was issued before is marked, and nothing is left to do. */
  settled: z.boolean().optional(),
  /** The alert that it answers. */
  alert_id: z.string().optional(),
  /** Who approved, rejected or released it, when, and why. */
  decided_by: actorSchema.optional(),
  decided_at: z.string().optional(),
  decision_reason: z.string().optional(),
  /** Where the block or revocation stands in the list that every door reads. */
  restriction_seq: z.string().optional(),
});

/** An action: what was done against whom, by whom, why, for how long, and what it hit. */
export type Action = z.output<typeof actionSchema>;

/** A reason in plain text. Own tokens in it are replaced by their digests before it is stored. */
export const reasonSchema = z.string().trim().min(1).max(512);

/** The key of a request: a repeated request with the same key is the same action. */
export const idempotencyKeySchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x21-\x7e]+$/, "1 to 128 visible ASCII characters");

/** The longest block: a year. */
export const LONGEST_BLOCK_DAYS = 366;

/** What to do, against whom, and why. */
export const actionRequestSchema = z.strictObject({
  kind: z.enum(ACTION_KINDS),
  target: actionTargetSchema,
  reason: reasonSchema,
  actor: actorSchema,
  /** A block ends at this instant; a block needs it, a revocation has none. */
  until: instantSchema.optional(),
  /** A revocation of a user, client or session: only tokens issued before this instant. Default now. */
  issuedBefore: instantSchema.optional(),
  /** `take` it (default), `propose` it for approval, or record it as a `dry_run`. */
  mode: z.enum(["take", "propose", "dry_run"]).default("take"),
  /** Default: none, so that each request is an action of its own. */
  idempotencyKey: idempotencyKeySchema.optional(),
  alertId: z.string().min(1).max(1024).optional(),
});

/** The request of an action. */
export type ActionRequest = z.input<typeof actionRequestSchema>;

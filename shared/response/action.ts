import * as z from "zod";
import { DAY_MS, instantSchema } from "../core/clock.ts";
import { identifierSchema, uuidSchema } from "../events/identifiers.ts";
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
  /**
   * `administrator`: by API, dashboard or command line. `policy`: of a rule. `receiver`: of security events. `link`:
   * somebody who used the link in a notification.
   */
  kind: z.enum(["administrator", "policy", "receiver", "link"]),
  /** The user or client of the administrator's token, the rule, the transmitter's name, or where the link was sent. */
  id: identifierSchema,
});

/** Who takes an action, or decides about it. */
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

/** How many tokens and sessions an action hits. */
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
  /** Digest of the request, if its key is good for this request only. */
  request_digest: z.string().optional(),
  /** Of a proposal: whether people were told. */
  told: z.boolean().optional(),
  /** Who approved, rejected or released it, when, and why. */
  decided_by: actorSchema.optional(),
  decided_at: z.string().optional(),
  decision_reason: z.string().optional(),
  /** Of a decision by link: the address from which the link was used. */
  decided_from: z.string().optional(),
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
const requestShape = z.strictObject({
  kind: z.enum(ACTION_KINDS),
  target: actionTargetSchema,
  reason: reasonSchema,
  actor: actorSchema,
  /** A block ends at this instant, at most a year from now; a block needs it, a revocation has none. */
  until: instantSchema.optional(),
  /** Of a revocation of a user, client, session or everybody: only what was issued before this instant. Default now. */
  issuedBefore: instantSchema.optional(),
  /** `take` it (default), `propose` it for approval, or record it as a `dry_run`. */
  mode: z.enum(["take", "propose", "dry_run"]).default("take"),
  /** Default: none, so that each request is an action of its own. */
  idempotencyKey: idempotencyKeySchema.optional(),
  /** Digest of the request as its sender wrote it. The key is then refused for a request with another digest. */
  requestDigest: z.string().min(1).max(128).optional(),
  alertId: z.string().min(1).max(1024).optional(),
});

/** The request of an action. */
export type ActionRequest = z.input<typeof requestShape>;

/** A request that was checked. */
export type AskedAction = z.output<typeof requestShape>;

/** What can be revoked: whatever holds tokens. */
const REVOCABLE: ReadonlySet<string> = new Set(["token", "user", "client", "session", "all"]);

/** The schema of a request at an instant: what it says of time must fit the present. */
export function actionRequestSchema(nowMs: number) {
  return requestShape.superRefine(({ kind, target, mode, until, issuedBefore }, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (target.kind === "all" && kind === "block") {
      fault("target", "everybody cannot be blocked: revoke what was issued, or block a network");
    }
    if (target.kind === "all" && mode === "propose") {
      fault("mode", "what concerns everybody is not proposed: take it, or record a dry run");
    }
    if (kind === "revoke") {
      if (!REVOCABLE.has(target.kind)) {
        fault("target", "only a token, a user, a client or a session can be revoked: block it");
      }
      if (until !== undefined) fault("until", "a revocation is for good: leave it out");
      if (issuedBefore !== undefined && target.kind === "token") {
        fault("issuedBefore", "a token is revoked as a whole: leave it out");
      }
      if (issuedBefore !== undefined && Date.parse(issuedBefore) > nowMs) {
        fault("issuedBefore", "it is in the future: give a time that is past");
      }
      return;
    }
    if (issuedBefore !== undefined) fault("issuedBefore", "a block has none: leave it out");
    if (until === undefined) fault("until", "a block needs an end: say until when");
    else if (Date.parse(until) <= nowMs) fault("until", "it is past: give a time in the future");
    else if (Date.parse(until) > nowMs + LONGEST_BLOCK_DAYS * DAY_MS) {
      fault("until", `a block lasts at most ${LONGEST_BLOCK_DAYS} days`);
    }
  });
}

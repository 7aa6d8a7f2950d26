import { isIP } from "node:net";
import { v5 as uuidv5 } from "uuid";
import * as z from "zod";
import { DAY_MS, instantSchema } from "../core/clock.ts";
import { identifierSchema, uuidSchema } from "../events/identifiers.ts";
import { canonicalIp } from "../events/ip-address.ts";
import { ipBlockSchema } from "../events/ip-network.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";

const addressSchema = z
  .string()
  .max(64)
  .transform(canonicalIp)
  .refine((ip) => isIP(ip) !== 0, "an IPv4 or IPv6 address");

/**
 * The target of an action, with the ID that events use:
 * - `token`: public token ID
 * - `user`, `client`: ID, including the issuer's `idPrefix`
 * - `session`: the `session_id` from events, for a session of this product or another issuer
 * - `address`: IPv4 or IPv6 address
 * - `network`: address block in CIDR notation, such as `203.0.113.0/24`
 * - `all`: every principal. Can be revoked, but not blocked
 */
export const actionTargetSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("token"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("user"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("client"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("session"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("address"), id: addressSchema }),
  z.strictObject({ kind: z.literal("network"), id: ipBlockSchema }),
  z.strictObject({ kind: z.literal("all"), id: z.literal("all").default("all") }),
]);

/** The target of an action. */
export type ActionTarget = z.output<typeof actionTargetSchema>;

/** Returns the target as readable text, such as `user ada`. */
export function describeTarget({
  kind,
  id,
}: {
  readonly kind: string;
  readonly id: string;
}): string {
  return kind === "all" ? "all principals" : `${kind} ${id}`;
}

/**
 * The kinds of actions:
 * - `revoke`: permanently denies the target's tokens that were issued before a given time, by default now
 * - `block`: denies every call from the target until a given time
 */
export const ACTION_KINDS = ["revoke", "block"] as const;

/**
 * The states of an action:
 * - `pending`: in progress. If interrupted, a retry with the same idempotency key completes it
 * - `proposed`: waiting for approval
 * - `dry_run`: recorded, but not applied
 * - `done`: in effect
 * - `released`: a block that was ended early
 * - `expired`: a block whose end time has passed
 * - `rejected`: a proposal that was rejected
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

/** The actor that takes or decides on an action. */
export const actorSchema = z.strictObject({
  /**
   * - `administrator`: uses the API, the dashboard or the command line
   * - `policy`: a detection rule's policy
   * - `receiver`: the endpoint that receives security events from other systems
   * - `link`: anyone who used the link in a notification
   */
  kind: z.enum(["administrator", "policy", "receiver", "link"]),
  /**
   * For an administrator, the token's user or client. Otherwise the rule, the transmitter's name, or the link's
   * recipient.
   */
  id: identifierSchema,
});

/** An actor that takes or decides on an action. */
export interface Actor extends z.output<typeof actorSchema> {}

/** The tokens and sessions that an action affects, up to the counting limit. */
export const actionHitsSchema = z.object({
  /** The target's active tokens that are stored here. */
  tokens: z.int(),
  /** The target's active sessions. */
  sessions: z.int(),
  /** Whether there are more than were counted. */
  more: z.boolean(),
});

/** The number of tokens and sessions that an action affects. */
export interface ActionHits extends z.output<typeof actionHitsSchema> {}

/** The action as stored in DynamoDB. */
export const actionSchema = z.object({
  action_id: uuidSchema,
  kind: z.enum(ACTION_KINDS),
  target: actionTargetSchema,
  state: z.enum(ACTION_STATES),
  /** The actor's reason. */
  reason: z.string(),
  actor: actorSchema,
  /** UTC, with milliseconds. */
  requested_at: z.string(),
  /** When the action took effect. Calls that start later are denied. */
  done_at: z.string().optional(),
  /** Revocations only: tokens issued before this time are denied. */
  issued_before: z.string().optional(),
  /** Blocks only: end time. */
  until: z.string().optional(),
  /** The tokens and sessions that the action affects, counted when it was requested. */
  hits: actionHitsSchema,
  /** Revocations only: number of tokens marked as revoked so far. */
  tokens_revoked: z.int().optional(),
  /** Revocations only: whether every affected token is marked, so no work is left. */
  settled: z.boolean().optional(),
  /** The alert that the action responds to. */
  alert_id: z.string().optional(),
  /** Digest of the request, if the idempotency key is valid only for this request. */
  request_digest: z.string().optional(),
  /** Proposals only: whether people were notified. */
  notified: z.boolean().optional(),
  /** The approval, rejection or release: who decided, when and why. */
  decided_by: actorSchema.optional(),
  decided_at: z.string().optional(),
  decision_reason: z.string().optional(),
  /** Decisions by link only: the IP address from which the link was used. */
  decided_from: z.string().optional(),
});

/** A response action: a block or a revocation, from its request to its end. */
export interface Action extends z.output<typeof actionSchema> {}

/** A plain-text reason. Before it is stored, digests replace any of this product's tokens in it. */
export const reasonSchema = z.string().trim().min(1).max(512);

/** Idempotency key. Requests with the same key refer to the same action. */
export const idempotencyKeySchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x21-\x7e]+$/, "1 to 128 visible ASCII characters");

/** Maximum duration of a block. */
export const LONGEST_BLOCK_DAYS = 366;

const requestShape = z.strictObject({
  kind: z.enum(ACTION_KINDS),
  target: actionTargetSchema,
  reason: reasonSchema,
  actor: actorSchema,
  /** Blocks only, required: end time, at most `LONGEST_BLOCK_DAYS` from now. */
  until: instantSchema.optional(),
  /** Revocations only, but not for a token: only tokens and sessions from before this time are denied. Default: now. */
  issuedBefore: instantSchema.optional(),
  /** `take` the action (default), `propose` it for approval, or record a `dry_run`. */
  mode: z.enum(["take", "propose", "dry_run"]).default("take"),
  /** Default: none, so that each request is a new action. */
  idempotencyKey: idempotencyKeySchema.optional(),
  /** Digest of the request as sent. A request with the same key but a different digest is rejected. */
  requestDigest: z.string().min(1).max(128).optional(),
  alertId: z.string().min(1).max(1024).optional(),
});

/** A request for an action. */
export interface ActionRequest extends z.input<typeof requestShape> {}

/** A validated request for an action. */
export type ParsedActionRequest = z.output<typeof requestShape>;

/** Target kinds that can be revoked. */
const REVOCABLE: ReadonlySet<string> = new Set(["token", "user", "client", "session", "all"]);

/** Returns the schema for a request. Checks the request's times against `nowMs`. */
export function actionRequestSchema(nowMs: number) {
  return requestShape.superRefine(({ kind, target, mode, until, issuedBefore }, context) => {
    const error = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (target.kind === "all" && kind === "block") {
      error(
        "target",
        "all principals cannot be blocked: revoke their tokens and sessions, or block a network",
      );
    }
    if (target.kind === "all" && mode === "propose") {
      error(
        "mode",
        "an action against all principals cannot be proposed: take it, or record a dry run",
      );
    }
    if (kind === "revoke") {
      if (!REVOCABLE.has(target.kind)) {
        error("target", "an address or a network cannot be revoked: block it");
      }
      if (until !== undefined) error("until", "a revocation is permanent: omit the end time");
      if (issuedBefore !== undefined && target.kind === "token") {
        error("issuedBefore", "a token is always revoked as a whole: omit it");
      }
      if (issuedBefore !== undefined && Date.parse(issuedBefore) > nowMs) {
        error("issuedBefore", "it is in the future: give a past time");
      }
      return;
    }
    if (issuedBefore !== undefined) error("issuedBefore", "only for revocations: omit it");
    if (until === undefined) error("until", "a block needs an end time: set one");
    else if (Date.parse(until) <= nowMs) error("until", "it is in the past: give a future time");
    else if (Date.parse(until) > nowMs + LONGEST_BLOCK_DAYS * DAY_MS) {
      error("until", `a block lasts at most ${LONGEST_BLOCK_DAYS} days`);
    }
  });
}

/** UUID namespace for event IDs. Deterministic IDs make publishing idempotent. */
const EVENT_NAMESPACE = "0f6b8f6e-6f0b-4b0c-9c3e-5a3e0b8f3f41";

/** The event types for actions. */
export type ActionEventType =
  | "action_taken"
  | "action_proposed"
  | "action_dry_run"
  | "action_rejected"
  | "action_released"
  | "action_expired";

/** Publishes an action's new state, with its actor, target, reason, end time and hits. Idempotent. */
export async function trackAction(
  tracking: Tracking,
  type: ActionEventType,
  action: Action,
  atMs: number,
): Promise<void> {
  const { target } = action;
  await trackEvent(
    tracking,
    type,
    {
      oauth_client_id: target.kind === "client" ? target.id : undefined,
      user_id: target.kind === "user" ? target.id : undefined,
      token_id: target.kind === "token" ? target.id : undefined,
    },
    {
      action_id: action.action_id,
      action: action.kind,
      target,
      reason: action.reason,
      actor: action.actor,
      hits: action.hits,
      ...(target.kind === "address" && { ip: target.id }),
      ...(target.kind === "session" && { session_id: target.id }),
      ...(action.until !== undefined && { until: action.until }),
      ...(action.issued_before !== undefined && { issued_before: action.issued_before }),
      ...(action.alert_id !== undefined && { alert_id: action.alert_id }),
      ...(action.decided_by && { decided_by: action.decided_by }),
      ...(action.decision_reason !== undefined && { decision_reason: action.decision_reason }),
      ...(action.decided_from !== undefined && { decided_from: action.decided_from }),
    },
    { atMs, id: uuidv5(`${action.action_id} ${type}`, EVENT_NAMESPACE) },
  );
}

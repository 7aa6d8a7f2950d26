import { createInterface } from "node:readline/promises";
import * as z from "zod";
import { HOUR_MS, instantSchema, toInstant } from "../../shared/core/clock.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import {
  ACTION_STATES,
  type Action,
  type ActionHits,
  type ActionTarget,
  actionRequestSchema,
  actionTargetSchema,
  describeTarget,
} from "../../shared/response/action.ts";
import { listActionsOfState, listActionsOfTarget } from "../../shared/response/action-store.ts";
import { approveAction, rejectAction, releaseAction } from "../../shared/response/decide-action.ts";
import { countHits } from "../../shared/response/everything.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { actorOf } from "./actor.ts";

/** Kinds of targets. The options that select a target have the same names. */
export const TARGET_KINDS = ["token", "user", "client", "session", "address", "network"] as const;

const targetShape = Object.fromEntries(
  TARGET_KINDS.map((kind) => [kind, z.string().optional()]),
) as Record<(typeof TARGET_KINDS)[number], z.ZodOptional<z.ZodString>>;

/** Returns the one target that the options select. */
function targetOf(
  options: Partial<Record<(typeof TARGET_KINDS)[number], string | undefined>> & {
    readonly all?: boolean;
  },
): ActionTarget {
  const named = TARGET_KINDS.filter((kind) => options[kind] !== undefined);
  const [kind] = named;
  const isOne = named.length + (options.all ? 1 : 0) === 1;
  const one = options.all ? { kind: "all" } : kind && { kind, id: options[kind] };
  const target = isOne ? one : undefined;
  const message = `give exactly one target: ${TARGET_KINDS.map((each) => `--${each}`).join(", ")}`;
  return parseInput(
    z
      .unknown()
      .refine((value) => value !== undefined, message)
      .pipe(actionTargetSchema),
    "the target",
    target,
  );
}

const actingSchema = z.object({
  ...targetShape,
  reason: z.string(),
  as: identifierSchema.optional(),
  key: z.string().optional(),
  alert: z.string().optional(),
  dryRun: z.boolean().default(false),
  yes: z.boolean().default(false),
});

const revokeSchema = actingSchema.extend({
  issuedBefore: instantSchema.optional(),
  all: z.boolean().default(false),
});

const blockSchema = actingSchema.extend({
  until: instantSchema.optional(),
  hours: z.coerce.number().positive().optional(),
});

function describeHits({ tokens, sessions, more }: ActionHits): string {
  const count = (n: number, what: string) => `${n} active ${what}${n === 1 ? "" : "s"}`;
  return `${more ? "more than " : ""}${count(tokens, "token")} and ${count(sessions, "session")}`;
}

/** Prints what an action would affect and asks for confirmation in a terminal. */
async function isConfirmed(
  question: string,
  { yes, isOfAll }: { readonly yes: boolean; readonly isOfAll: boolean },
): Promise<boolean> {
  console.error(printable(question));
  if (yes) return true;
  // An action against all principals needs confirmation.
  if (!process.stdin.isTTY || !process.stderr.isTTY) return !isOfAll;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question("Continue? [y/N] ")).trim());
  } finally {
    terminal.close();
  }
}

/** Display names of the action kinds. */
const NOUNS = { revoke: "revocation", block: "block" } as const;

interface Asked {
  readonly kind: Action["kind"];
  readonly target: ActionTarget;
  readonly reason: string;
  readonly until?: string | undefined;
  readonly issuedBefore?: string | undefined;
  readonly options: z.output<typeof actingSchema>;
}

async function act(target: Target, { kind, options, ...asked }: Asked): Promise<Report> {
  const request = {
    kind,
    target: asked.target,
    reason: asked.reason,
    actor: actorOf(options.as),
    until: asked.until,
    issuedBefore: asked.issuedBefore,
    idempotencyKey: options.key,
    alertId: options.alert,
  };
  // Reports invalid input before counting the affected tokens and sessions.
  parseInput(actionRequestSchema(target.clock()), "the action", request);
  const hits = await countHits(target, asked.target, target.clock(), asked.issuedBefore);
  const whom = describeTarget(asked.target);
  const what = `${NOUNS[kind]} of ${whom}${asked.until === undefined ? "" : ` until ${asked.until}`}`;
  if (options.dryRun) {
    return {
      json: { dry_run: true, kind, target: asked.target, hits },
      text: printable(`The ${what} would affect ${describeHits(hits)}. Nothing was changed.`),
    };
  }
  const isOfAll = asked.target.kind === "all";
  const own = isOfAll ? " This includes administrators." : "";
  const question = `The ${what} affects ${describeHits(hits)}.${own}`;
  if (!(await isConfirmed(question, { yes: options.yes, isOfAll }))) {
    return {
      json: { cancelled: true },
      text: "Nothing was changed. To confirm without a prompt, add --yes.",
    };
  }
  const action = await takeAction(target, request);
  return {
    json: action,
    text: printable(
      `Action ${action.action_id}: the ${what} is ${action.state}. It affected ${describeHits(action.hits)}.`,
    ),
  };
}

/** `revoke`: revokes all tokens of a target that were issued before now. */
export function revoke(target: Target, options: unknown): Promise<Report> {
  const parsed = parseInput(revokeSchema, "the options", options);
  return act(target, {
    kind: "revoke",
    target: targetOf(parsed),
    reason: parsed.reason,
    issuedBefore: parsed.issuedBefore,
    options: parsed,
  });
}

/** `block`: denies all calls of a target for a limited time. */
export function block(target: Target, options: unknown): Promise<Report> {
  const parsed = parseInput(blockSchema, "the options", options);
  const until =
    parsed.until ??
    (parsed.hours === undefined ? undefined : toInstant(target.clock() + parsed.hours * HOUR_MS));
  return act(target, {
    kind: "block",
    target: targetOf(parsed),
    reason: parsed.reason,
    until,
    options: parsed,
  });
}

const decisionSchema = z.object({ reason: z.string(), as: identifierSchema.optional() });

/** Creates a command that approves, rejects or releases the action with a given ID. */
const deciding =
  (decide: typeof approveAction) =>
  async (target: Target, actionId: string, options: unknown): Promise<Report> => {
    const { reason, as } = parseInput(decisionSchema, "the options", options);
    const action = await decide(target, { actionId, reason, actor: actorOf(as) });
    const whom = describeTarget(action.target);
    return {
      json: action,
      text: printable(`The ${NOUNS[action.kind]} of ${whom} is ${action.state}.`),
    };
  };

/** `release`: ends a block early. */
export const release = deciding(releaseAction);

/** `actions approve`: approves a proposed action, which then takes effect. */
export const actionsApprove = deciding(approveAction);

/** `actions reject`: rejects a proposed action. */
export const actionsReject = deciding(rejectAction);

/** Maximum number of listed actions. */
const MOST_LISTED = 100;

const listSchema = z.object({ ...targetShape, state: z.enum(ACTION_STATES).default("done") });

/** `actions list`: lists the newest actions in a state, or all actions against a target. */
export async function actionsList(target: Target, options: unknown): Promise<Report> {
  const parsed = parseInput(listSchema, "the options", options);
  const isOfTarget = TARGET_KINDS.some((kind) => parsed[kind] !== undefined);
  const actions = isOfTarget
    ? await listActionsOfTarget(target, targetOf(parsed), MOST_LISTED)
    : await listActionsOfState(target, parsed.state, MOST_LISTED);
  const rows = actions.map((action) => [
    action.requested_at,
    action.action_id,
    action.state,
    action.kind,
    printable(describeTarget(action.target)),
    printable(action.actor.id),
    action.until ?? "",
    printable(action.reason),
  ]);
  const head = ["REQUESTED", "ACTION", "STATE", "KIND", "TARGET", "BY", "UNTIL", "REASON"];
  return { json: { actions }, text: rows.length > 0 ? table(head, rows) : "No actions found." };
}

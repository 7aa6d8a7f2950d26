import { createInterface } from "node:readline/promises";
import * as z from "zod";
import { HOUR_MS, instantSchema, toInstant } from "../../shared/core/clock.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report } from "../../shared/core/terminal.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import {
  ACTION_STATES,
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
import { parseOptions, toActor } from "../program/options.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

/** Options that select a target, by kind of target. */
const TARGET_OPTIONS = {
  token: "the public id of a token",
  user: "a user",
  client: "a client",
  session: "the public id of a session",
  address: "IPv4 or IPv6 address",
  network: "a network, such as 203.0.113.0/24",
} as const;

type TargetKind = keyof typeof TARGET_OPTIONS;

const TARGET_KINDS = Object.keys(TARGET_OPTIONS) as TargetKind[];

const targetShape = Object.fromEntries(
  TARGET_KINDS.map((kind) => [kind, z.string().optional()]),
) as Record<TargetKind, z.ZodOptional<z.ZodString>>;

type TargetOptions = Partial<Record<TargetKind, string | undefined>> & { readonly all?: boolean };

/** Returns the targets that the options select. */
const targetsIn = (options: TargetOptions) => [
  ...TARGET_KINDS.filter((kind) => options[kind] !== undefined).map((kind) => ({
    kind,
    id: options[kind],
  })),
  ...(options.all ? [{ kind: "all" }] : []),
];

const oneTargetSchema = z
  .array(z.unknown())
  .length(1, `give exactly one target: ${TARGET_KINDS.map((each) => `--${each}`).join(", ")}`)
  .transform(([target]) => target)
  .pipe(actionTargetSchema);

/** Returns the one target that the options select. */
const toTarget = (options: TargetOptions): ActionTarget =>
  parseOptions(oneTargetSchema, targetsIn(options));

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
  const count = (n: number, noun: string) => `${n} active ${noun}${n === 1 ? "" : "s"}`;
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

type ActionOptions = z.output<typeof actingSchema> & {
  readonly all?: boolean;
  readonly until?: string | undefined;
  readonly issuedBefore?: string | undefined;
};

async function act(
  context: Target,
  kind: keyof typeof NOUNS,
  options: ActionOptions,
): Promise<Report> {
  const { until, issuedBefore } = options;
  const target = toTarget(options);
  const request = {
    kind,
    target,
    reason: options.reason,
    actor: toActor(options.as),
    until,
    issuedBefore,
    idempotencyKey: options.key,
    alertId: options.alert,
  };
  // Reports invalid input before counting the affected tokens and sessions.
  parseInput(actionRequestSchema(context.clock()), "the action", request);
  const hits = await countHits(context, target, context.clock(), issuedBefore);
  const name = `${NOUNS[kind]} of ${describeTarget(target)}${until === undefined ? "" : ` until ${until}`}`;
  if (options.dryRun) {
    return {
      json: { dry_run: true, kind, target, hits },
      text: printable(`The ${name} would affect ${describeHits(hits)}. Nothing was changed.`),
    };
  }
  const isOfAll = target.kind === "all";
  const warning = isOfAll ? " This includes administrators." : "";
  const question = `The ${name} affects ${describeHits(hits)}.${warning}`;
  if (!(await isConfirmed(question, { yes: options.yes, isOfAll }))) {
    return {
      json: { cancelled: true },
      text: "Nothing was changed. To confirm without a prompt, add --yes.",
    };
  }
  const action = await takeAction(context, request);
  const { action_id, state } = action;
  return {
    json: action,
    text: printable(
      `Action ${action_id}: the ${name} is ${state}. It affected ${describeHits(action.hits)}.`,
    ),
  };
}

/** Revokes all tokens of a target that were issued before now. */
export async function revoke(target: Target, options: unknown): Promise<Report> {
  return act(target, "revoke", parseOptions(revokeSchema, options));
}

/** Denies all calls of a target for a limited time. */
export async function block(target: Target, options: unknown): Promise<Report> {
  const { hours, ...parsed } = parseOptions(blockSchema, options);
  const endMs = hours === undefined ? undefined : target.clock() + hours * HOUR_MS;
  const until = parsed.until ?? (endMs === undefined ? undefined : toInstant(endMs));
  return act(target, "block", { ...parsed, until });
}

const decisionSchema = z.object({ reason: z.string(), as: identifierSchema.optional() });

/** Creates a command that approves, rejects or releases the action with a given ID. */
const deciding =
  (decide: typeof approveAction) =>
  async (target: Target, actionId: string, options: unknown): Promise<Report> => {
    const { reason, as } = parseOptions(decisionSchema, options);
    const action = await decide(target, { actionId, reason, actor: toActor(as) });
    const name = `${NOUNS[action.kind]} of ${describeTarget(action.target)}`;
    return { json: action, text: printable(`The ${name} is ${action.state}.`) };
  };

/** Ends a block early. */
export const release = deciding(releaseAction);

/** Maximum number of listed actions. */
const MAX_LISTED = 100;

const listSchema = z.object({ ...targetShape, state: z.enum(ACTION_STATES).default("done") });

/** Lists the newest actions in a state, or all actions against a target. */
export async function actionsList(target: Target, options: unknown): Promise<Report> {
  const { state, ...named } = parseOptions(listSchema, options);
  const actions =
    targetsIn(named).length > 0
      ? await listActionsOfTarget(target, toTarget(named), MAX_LISTED)
      : await listActionsOfState(target, state, MAX_LISTED);
  const rows = actions.map((action) => [
    action.requested_at,
    action.action_id,
    action.state,
    action.kind,
    describeTarget(action.target),
    action.actor.id,
    action.until,
    action.reason,
  ]);
  const head = ["REQUESTED", "ACTION", "STATE", "KIND", "TARGET", "BY", "UNTIL", "REASON"];
  return { json: { actions }, text: tableOr("No actions found.", head, rows) };
}

const withTargets = (command: ReportCommand, kinds: readonly TargetKind[]): ReportCommand =>
  kinds.reduce((all, kind) => all.option(`--${kind} <id>`, TARGET_OPTIONS[kind]), command);

const withActor = (command: ReportCommand): ReportCommand =>
  command
    .requiredOption("--reason <text>", "reason for the audit log")
    .option("--as <name>", "actor in the audit log; default your user name on this machine");

const withActingOptions = (command: ReportCommand): ReportCommand =>
  withActor(command)
    .option(
      "--key <key>",
      "idempotency key: repeating the command with the same key changes nothing",
    )
    .option("--alert <id>", "id of the alert that prompted the action")
    .option("--dry-run", "show what would be affected without doing it")
    .option("--yes", "skip the confirmation prompt");

function registerRevoke(program: ReportCommand): void {
  const command = withTargets(
    program
      .command("revoke")
      .description(
        "permanently revoke all tokens and sessions issued so far to a user or client, or one token or session",
      ),
    ["token", "user", "client", "session"],
  )
    .option(
      "--all",
      "all tokens and sessions of every user and client, for example after a key leak",
    )
    .option("--issued-before <time>", "UTC; only tokens and sessions issued before this time");
  withActingOptions(command)
    .examples(
      'revoke --user ada --reason "the laptop was stolen" --dry-run',
      'revoke --all --reason "the signing key leaked" --dry-run',
      'revoke --client mobile-app --issued-before 2026-11-23T10:00:00Z --reason "leaked build"',
    )
    .runOnStack(revoke);
}

function registerBlock(program: ReportCommand): void {
  const command = withTargets(
    program.command("block").description("deny all calls of a target for a limited time"),
    TARGET_KINDS,
  )
    .option("--hours <number>", "duration in hours")
    .option("--until <time>", "UTC; end of the block");
  withActingOptions(command)
    .examples(
      'block --address 203.0.113.66 --hours 4 --reason "guesses tokens"',
      'block --network 203.0.113.0/24 --until 2026-11-24T00:00:00Z --reason "attack"',
    )
    .runOnStack(block);
}

export function registerActions(program: ReportCommand): void {
  registerRevoke(program);
  registerBlock(program);
  const decision = (parent: ReportCommand, name: string, description: string) =>
    withActor(
      parent
        .command(name)
        .description(description)
        .argument("<action-id>", "action id, as shown by actions list"),
    );
  decision(program, "release", "end a block early")
    .examples('release 019a8c1e-2b7d-7c3f-9d52-6f3c1d0b7a11 --reason "it was us"')
    .runOnStack(release);
  const actions = program
    .command("actions")
    .description("list actions, and approve or reject proposed ones");
  const list = actions
    .command("list")
    .description("list the newest actions in a state, or all actions against one target")
    .option("--state <state>", "done, proposed, dry_run, released, expired, …", "done");
  withTargets(list, TARGET_KINDS)
    .examples("actions list --state proposed", "actions list --user ada")
    .runOnStack(actionsList);
  decision(actions, "approve", "approve and execute a proposed action").runOnStack(
    deciding(approveAction),
  );
  decision(actions, "reject", "reject a proposed action").runOnStack(deciding(rejectAction));
}

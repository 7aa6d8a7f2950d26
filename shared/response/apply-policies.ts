import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { isAdministratorRecorded } from "../authorization/administrator-records.ts";
import { RESPOND_SCOPE } from "../authorization/required-access.ts";
import type { Policy } from "../config/response-parameters.ts";
import {
  type Clock,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  toEpochSeconds,
  toInstant,
} from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import type { Alert } from "../detection/alert.ts";
import { type AlertStore, listAlerts } from "../detection/alert-store.ts";
import { withReviews } from "../detection/verdicts.ts";
import { isInBlock } from "../events/ip-network.ts";
import { NO_CLIENT } from "../events/oauth-event.ts";
import { digestOfTokenId } from "../tokens/revoke-token.ts";
import type { Action, ActionTarget } from "./action.ts";
import { listActionsOfTarget, saveAction } from "./action-store.ts";
import type { ActionContext } from "./complete-action.ts";
import { type ActiveCredentialStore, activeTokens, findCredentials } from "./hits.ts";
import { findActionOfKey, takeAction } from "./take-action.ts";

/** Dependencies of `applyPolicies`. */
export type PolicyContext = ActionContext &
  AlertStore & {
    readonly logger: Logger;
    /** Notifies people that an action is waiting for approval. May be called more than once per action. */
    readonly notifyProposal: (action: Action) => Promise<void>;
  };

/** The actions of one run, by state. */
export interface PolicyRun {
  readonly taken: readonly Action[];
  readonly proposed: readonly Action[];
  readonly dryRun: readonly Action[];
}

/** Maximum age of an alert that policies act on. Keeps a new policy from acting on old alerts. */
const ACTS_WITHIN_MS = HOUR_MS;

/** Number of recent actions against a target to check for one that is still in effect. */
const MAX_CHECKED = 20;

/**
 * Returns the target for acting on an alert. An alert about an IPv6 address names the address's /64, which is blocked
 * as a network. Returns undefined for an outage, for callers without a client, and for an alert about a network,
 * because only an administrator can decide to block a whole network.
 */
function toTarget({ subject }: Alert): ActionTarget | undefined {
  const { kind, id } = subject;
  if (kind === "ip") return { kind: id.includes("/") ? "network" : "address", id };
  if (kind === "reason" || kind === "network" || (kind === "client" && id === NO_CLIENT))
    return undefined;
  return { kind, id };
}

/** Whether the target is an address, or the /64 of an IPv6 address. */
const isLocation = ({ kind }: Pick<ActionTarget, "kind">) =>
  kind === "address" || kind === "network";

/** Whether an address or a network overlaps with another network. */
function overlap(location: string, network: string): boolean {
  const [first = ""] = location.split("/");
  const [other = ""] = network.split("/");
  return isInBlock(first, network) || (location.includes("/") && isInBlock(other, location));
}

/**
 * Whether the allow list protects the target. A token is protected if its user or client is.
 *
 * @throws TokenNotFoundError if the target is a token that doesn't exist
 */
async function isAllowed(
  context: PolicyContext,
  target: ActionTarget,
  alert: Alert,
): Promise<boolean> {
  const { clients, networks, users } = context.config.responses.allow;
  if (alert.oauth_client_id !== undefined && clients.includes(alert.oauth_client_id)) return true;
  const { kind, id } = target;
  if (kind === "client") return clients.includes(id);
  if (kind === "user") return users.includes(id);
  if (isLocation(target)) return networks.some((network) => overlap(id, network));
  if (kind !== "token" || clients.length + users.length === 0) return false;
  const digest = await digestOfTokenId(context, id);
  const tokens = await activeTokens(context, [{ digest }], context.clock());
  return tokens.some(
    ({ oauth_client_id, user_id }) =>
      clients.includes(oauth_client_id) || (user_id !== undefined && users.includes(user_id)),
  );
}

/**
 * Acts on open alerts whose rules have a policy: once per alert, highest score first. If the hourly limit is reached,
 * or if an action could lock out an administrator, the action is only proposed.
 *
 * Policies can't trigger each other: their actions raise no alerts, and they skip a target that is already blocked or
 * has an action waiting for approval. Failures are logged, and the next run retries them.
 */
export async function applyPolicies(context: PolicyContext): Promise<PolicyRun> {
  const run = { taken: [] as Action[], proposed: [] as Action[], dryRun: [] as Action[] };
  const { rules } = context.config.responses;
  if (Object.values(rules).every(({ mode }) => mode === "notify")) return run;
  const sinceMs = context.clock() - ACTS_WITHIN_MS;
  // Highest score first, so that low-score decoys can't use up the hourly limit. Otherwise oldest first.
  const recent = (await listAlerts(context, "open"))
    .filter(({ opened_at }) => Date.parse(opened_at) >= sinceMs)
    .sort((a, b) => b.score - a.score);
  for (const alert of await withReviews(context, recent)) {
    const policy = rules[alert.rule];
    const verdict = alert.review?.verdict;
    if (!policy || policy.mode === "notify" || verdict === "benign" || verdict === "false")
      continue;
    try {
      const action = await respond(context, alert, policy);
      if (action?.state === "done") run.taken.push(action);
      else if (action?.state === "proposed") run.proposed.push(action);
      else if (action) run.dryRun.push(action);
    } catch (error) {
      context.logger.error("A policy could not respond to an alert; the next run retries", {
        alert_id: alert.alert_id,
        cause: String(error),
      });
    }
  }
  return run;
}

/** Acts on one alert. Returns undefined if there is nothing to do or the alert was handled before. */
async function respond(
  context: PolicyContext,
  alert: Alert,
  policy: Policy,
): Promise<Action | undefined> {
  const target = toTarget(alert);
  if (!target) return undefined;
  const actor = { kind: "policy", id: alert.rule } as const;
  const idempotencyKey = alert.event_id;
  const kind = isLocation(target) ? "block" : policy.action;
  const known = await findActionOfKey(context, actor, idempotencyKey);
  const isNotificationPending = known?.state === "proposed" && !known.notified;
  if (known && known.state !== "pending" && !isNotificationPending) return undefined;
  if (await isAllowed(context, target, alert)) return undefined;
  if (known && isNotificationPending) return notify(context, known);
  if (!known && (await isAlreadyHandled(context, target, kind))) return undefined;
  const mode = known ? "take" : await chooseMode(context, target, policy);
  const untilMs = context.clock() + policy.blockMinutes * MINUTE_MS;
  const action = await takeAction(context, {
    kind,
    target,
    mode,
    reason: `${alert.rule}: ${alert.message}`.slice(0, 512),
    actor,
    idempotencyKey,
    alertId: alert.alert_id,
    ...(kind === "block" && { until: toInstant(untilMs) }),
  });
  return action.state === "proposed" ? notify(context, action) : action;
}

/**
 * Notifies people of a proposal and records that they were notified. If this fails, the next run tries again.
 *
 * @throws ActionChangedError if someone has since decided on the action
 */
export async function notify(context: PolicyContext, action: Action): Promise<Action> {
  await context.notifyProposal(action);
  return saveAction(context, { ...action, notified: true }, action);
}

/** Returns whether a policy takes, proposes or only records an action against a target. */
async function chooseMode(context: PolicyContext, target: ActionTarget, { mode }: Policy) {
  if (mode === "dry_run") return "dry_run";
  if (mode !== "enforce") return "propose";
  if (await couldLockOutAdministrator(context, target)) return "propose";
  return (await isWithinHourlyLimit(context, target)) ? "take" : "propose";
}

/** Whether an action of this kind against the target is already in effect or waiting for approval. */
async function isAlreadyHandled(
  context: PolicyContext,
  target: ActionTarget,
  kind: Action["kind"],
): Promise<boolean> {
  const nowMs = context.clock();
  const actions = await listActionsOfTarget(context, target, MAX_CHECKED);
  return actions.some((action) => {
    if (action.kind !== kind) return false;
    if (action.state === "proposed" || action.state === "pending") return true;
    if (action.state !== "done") return false;
    return kind === "revoke" ? target.kind === "token" : Date.parse(action.until as string) > nowMs;
  });
}

/**
 * Counts an action against the limit for the current clock hour. Returns false if the limit is reached. Addresses have
 * a separate limit: anyone can provoke alerts about addresses, and such alerts must not prevent the revocation of a
 * stolen token.
 */
async function isWithinHourlyLimit(
  context: PolicyContext,
  target: Pick<ActionTarget, "kind">,
): Promise<boolean> {
  const nowMs = context.clock();
  const counted = isLocation(target) ? "addresses" : "credentials";
  const { actionsPerHour } = context.config.responses;
  if (actionsPerHour === 0) return false;
  try {
    await context.db.send(
      new UpdateCommand({
        TableName: context.actionsTable,
        Key: { action_id: `policies#${counted}#${toInstant(nowMs).slice(0, 13)}` },
        UpdateExpression: "ADD taken :one SET ttl_epoch_seconds = :ttl",
        ConditionExpression: "attribute_not_exists(taken) OR taken < :most",
        ExpressionAttributeValues: {
          ":one": 1,
          ":most": actionsPerHour,
          ":ttl": toEpochSeconds(nowMs + DAY_MS),
        },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Maximum tokens to read per user or client. A user or client with more tokens counts as an administrator. */
const MAX_READ = 1000;

/**
 * Whether an action against the target could lock out an administrator. Policies only propose actions against such a
 * target.
 *
 * True for a token, user or client with an active token that has `oauth:respond`, and for an address, user or client
 * that made an authorized admin call in the last 30 days. Always true for a session, for `all`, and for a network other
 * than the /64 of an IPv6 address.
 */
export async function couldLockOutAdministrator(
  context: ActiveCredentialStore & { readonly clock: Clock },
  target: ActionTarget,
): Promise<boolean> {
  const nowMs = context.clock();
  const { kind, id } = target;
  if (kind === "session" || kind === "all") return true;
  if (kind === "address" || kind === "network") {
    const isGroup = kind === "address" || id.endsWith("/64");
    return !isGroup || isAdministratorRecorded(context, { kind: "address", id }, nowMs);
  }
  if (kind !== "token" && (await isAdministratorRecorded(context, { kind, id }, nowMs)))
    return true;
  const { credentials, more } =
    kind === "token"
      ? { credentials: [{ digest: await digestOfTokenId(context, id) }], more: false }
      : await findCredentials(context, { kind, id }, "token", { nowMs, limit: MAX_READ });
  const tokens = await activeTokens(context, credentials, nowMs);
  return more || tokens.some(({ scopes }) => scopes.includes(RESPOND_SCOPE));
}

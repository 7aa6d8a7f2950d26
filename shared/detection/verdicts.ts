import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { DAY_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import { OAuthMonitoringError, parseInput } from "../core/errors.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { withoutTokens } from "../events/redact-text.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import type { Alert } from "./alert.ts";
import { type AlertStore, findAlert } from "./alert-store.ts";

/**
 * An administrator's verdict on an alert:
 * - `true`: it was an attack, or the problem that the rule looks for
 * - `false`: the rule was wrong
 * - `benign`: the rule was right, but the behaviour is intended; the rule stops raising alerts about this subject
 */
export const VERDICTS = ["true", "false", "benign"] as const;

const noteSchema = z.object({ at: z.string(), by: z.string(), text: z.string() });

/** An administrator's review of the alerts that a rule raised about a subject. */
export const alertReviewSchema = z.object({
  acknowledged_at: z.string().optional(),
  acknowledged_by: z.string().optional(),
  verdict: z.enum(VERDICTS).optional(),
  verdict_at: z.string().optional(),
  verdict_by: z.string().optional(),
  notes: z.array(noteSchema).default([]),
});

export type AlertReview = z.output<typeof alertReviewSchema>;

/** A review to add to an alert: an acknowledgement, a note, a verdict, or several of these. */
export const reviewRequestSchema = z
  .strictObject({
    alertId: z.string().min(1).max(1024),
    by: identifierSchema,
    acknowledge: z.literal(true).optional(),
    note: z.string().trim().min(1).max(2000).optional(),
    /** `none` withdraws a verdict. */
    verdict: z.enum([...VERDICTS, "none"]).optional(),
  })
  .refine(
    ({ acknowledge, note, verdict }) =>
      [acknowledge, note, verdict].some((each) => each !== undefined),
    "the review is empty: set acknowledge, note or verdict",
  );

/** Input for `reviewAlert`. */
export type ReviewRequest = z.input<typeof reviewRequestSchema>;

/** Thrown if there is no alert with the given id. */
export class AlertNotFoundError extends OAuthMonitoringError {
  override readonly name = "AlertNotFoundError";

  constructor() {
    super("no alert has this id: list the alerts to find the right one");
  }
}

/** Days for which a review is kept after the last change. */
const RETENTION_DAYS = 366;

/** Maximum notes per review. The oldest notes are dropped. */
const MAX_NOTES = 100;

/**
 * Returns a review's key: `rule#kind#id`. An alert id wouldn't work, because it changes: when a new alert replaces a
 * resolved one, the time when the resolved alert opened is added to its id.
 */
export function subjectOfRule({ rule, subject }: Pick<Alert, "rule" | "subject">): string {
  return `${rule}#${subject.kind}#${subject.id}`;
}

const reviewId = (key: string) => `review#${key}`;

/**
 * Acknowledges an alert, adds a note or sets a verdict, and publishes `alert_reviewed`. All alerts with the same rule
 * and subject share one review.
 *
 * @throws InvalidInputError if the request is invalid
 * @throws AlertNotFoundError if there is no such alert
 */
export async function reviewAlert(
  context: AlertStore & Tracking,
  request: ReviewRequest,
): Promise<AlertReview> {
  const parsed = parseInput(reviewRequestSchema, "the review", request);
  const { alertId, by, acknowledge, verdict } = parsed;
  const alert = await findAlert(context, alertId);
  if (!alert) throw new AlertNotFoundError();
  const reviewed = subjectOfRule(alert);
  const nowMs = context.clock();
  const now = toInstant(nowMs);
  const note = parsed.note === undefined ? undefined : withoutTokens(parsed.note);
  const sets = {
    ttl_epoch_seconds: toEpochSeconds(nowMs + RETENTION_DAYS * DAY_MS),
    ...(acknowledge && { acknowledged_at: now, acknowledged_by: by }),
    ...(verdict !== undefined &&
      verdict !== "none" && { verdict, verdict_at: now, verdict_by: by }),
  };
  const names = Object.keys(sets) as (keyof typeof sets)[];
  const removed = verdict === "none" ? " REMOVE verdict, verdict_at, verdict_by" : "";
  const { notes = [] } = note === undefined ? {} : await readReview(context, reviewed);
  const { Attributes } = await context.db.send(
    new UpdateCommand({
      TableName: context.alertsTable,
      Key: { alert_id: reviewId(reviewed) },
      UpdateExpression: `SET ${[
        ...names.map((name) => `#${name} = :${name}`),
        ...(note === undefined ? [] : ["notes = :notes"]),
      ].join(", ")}${removed}`,
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: {
        ...Object.fromEntries(names.map((name) => [`:${name}`, sets[name]])),
        ...(note !== undefined && {
          ":notes": [...notes, { at: now, by, text: note }].slice(-MAX_NOTES),
        }),
      },
      ReturnValues: "ALL_NEW",
    }),
  );
  await trackReview(context, alert, { by, acknowledge, note, verdict }, nowMs);
  return alertReviewSchema.parse(Attributes);
}

async function trackReview(
  context: Tracking,
  { alert_id, rule, subject, oauth_client_id }: Alert,
  said: Readonly<Record<string, unknown>>,
  atMs: number,
): Promise<void> {
  const details = Object.fromEntries(
    Object.entries(said).filter(([, value]) => value !== undefined),
  );
  await trackEvent(
    context,
    "alert_reviewed",
    { oauth_client_id, token_id: subject.kind === "token" ? subject.id : undefined },
    { alert_id, rule, subject, ...details },
    { atMs },
  );
}

async function readReview(store: AlertStore, key: string): Promise<AlertReview> {
  const { Item = {} } = await store.db.send(
    new GetCommand({
      TableName: store.alertsTable,
      Key: { alert_id: reviewId(key) },
      ConsistentRead: true,
    }),
  );
  return alertReviewSchema.parse(Item);
}

/** Returns the reviews for some alerts, by rule and subject (`rule#kind#id`). Alerts without a review are left out. */
export async function readReviews(
  store: AlertStore,
  alerts: readonly Pick<Alert, "rule" | "subject">[],
): Promise<ReadonlyMap<string, AlertReview>> {
  const ids = [...new Set(alerts.map(subjectOfRule))];
  if (ids.length === 0) return new Map();
  const items = await batchGetAll(
    store.db,
    store.alertsTable,
    ids.map((id) => ({ alert_id: reviewId(id) })),
  );
  return new Map(
    items.map((item) => [
      String(item.alert_id).slice("review#".length),
      alertReviewSchema.parse(item),
    ]),
  );
}

/** Adds reviews to alerts. */
export async function withReviews(
  store: AlertStore,
  alerts: readonly Alert[],
): Promise<(Alert & { readonly review?: AlertReview })[]> {
  const reviews = await readReviews(store, alerts);
  return alerts.map((alert) => {
    const review = reviews.get(subjectOfRule(alert));
    return review ? { ...alert, review } : alert;
  });
}

/** Returns a function that checks whether an anomaly's subject was judged benign under the same rule. */
export async function benignSubjects(
  store: AlertStore,
  anomalies: readonly {
    readonly rule: { readonly name: string };
    readonly subject: Alert["subject"];
  }[],
): Promise<(anomaly: (typeof anomalies)[number]) => boolean> {
  const reviews = await readReviews(
    store,
    anomalies.map(({ rule, subject }) => ({ rule: rule.name, subject })),
  );
  return ({ rule, subject }) =>
    reviews.get(subjectOfRule({ rule: rule.name, subject }))?.verdict === "benign";
}

/** Number of verdicts on one rule's alerts. */
export interface VerdictFigures {
  readonly rule: string;
  /** Number of subjects for which the rule raised alerts. Several alerts about one subject count once. */
  readonly subjects: number;
  /** Number of these subjects with each verdict. */
  readonly true: number;
  readonly false: number;
  readonly benign: number;
  /** Share of the judged subjects that were attacks. Absent if there are no verdicts. */
  readonly precision?: number;
}

/** Returns verdict figures by rule, starting with the rules that have the most verdicts. */
export function verdictFigures(
  alerts: readonly (Pick<Alert, "rule" | "subject"> & {
    readonly review?: Pick<AlertReview, "verdict"> | undefined;
  })[],
): VerdictFigures[] {
  const subjects = [...new Map(alerts.map((alert) => [subjectOfRule(alert), alert])).values()];
  const countJudged = (figures: VerdictFigures) => figures.true + figures.false + figures.benign;
  return [...new Set(subjects.map(({ rule }) => rule))]
    .map((rule): VerdictFigures => {
      const own = subjects.filter((alert) => alert.rule === rule);
      const count = (verdict: (typeof VERDICTS)[number]) =>
        own.filter(({ review }) => review?.verdict === verdict).length;
      const counts = { true: count("true"), false: count("false"), benign: count("benign") };
      const judged = counts.true + counts.false + counts.benign;
      return {
        rule,
        subjects: own.length,
        ...counts,
        ...(judged > 0 && { precision: counts.true / judged }),
      };
    })
    .sort((a, b) => countJudged(b) - countJudged(a) || a.rule.localeCompare(b.rule));
}

import { setTimeout as sleep } from "node:timers/promises";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { listCleanupRuns } from "../../shared/cleanup/cleanup-runs.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import {
  forEachTable,
  TABLES,
  type TableDefinition,
  tableContextKey,
  tableLabel,
} from "../../shared/core/tables.ts";
import { printable, progress, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { type IssuedToken, issueToken } from "../../shared/tokens/issue-token.ts";
import { revokeToken } from "../../shared/tokens/revoke-token.ts";
import { callRateSchema, parseOptions, parseScopes } from "../program/options.ts";
import type { ReportCommand } from "../program/report-command.ts";
import { findQuotaErrors, readAccountLimits } from "./quotas.ts";

/** The result of a check. */
interface Outcome {
  /** False if something is broken. The CLI then exits with code 1. */
  readonly ok: boolean;
  /** Set if nothing is broken but a step remains, such as after the first deployment. */
  readonly warning?: true;
  readonly found: string;
  /** How to fix the problem or complete the remaining step. */
  readonly advice?: string;
}

interface Finding extends Outcome {
  readonly check: string;
}

const pass = (found: string): Outcome => ({ ok: true, found });
const warn = (found: string, advice: string): Outcome => ({
  ok: true,
  warning: true,
  found,
  advice,
});
const fail = (found: string, advice: string): Outcome => ({ ok: false, found, advice });

/** Client ID of the tokens that the doctor issues, which identifies the doctor's events. */
const CLIENT = "oauth-monitoring-doctor";

/** Token lifetime. Must be longer than the doctor takes. */
const TOKEN_SECONDS = 300;

const ASK_MS = 500;

/** Period in which the doctor looks for events of an earlier deployment. */
const LOOKBACK_MS = 7 * DAY_MS;

const optionsSchema = z.looseObject({
  wait: z.coerce.number().int().min(1).max(600),
  url: z.url({ protocol: /^https?$/ }).optional(),
  scopes: z.string().transform(parseScopes),
  callsPerSecond: callRateSchema.optional(),
});

type Options = z.output<typeof optionsSchema>;

/** Advice by AWS error name. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "grant your identity access to the table and its KMS key: see docs/deploy.md",
  ResourceNotFoundException: "the stack's outputs refer to missing resources: deploy it again",
  KMSAccessDeniedException: "grant your identity access to the stack's KMS key",
  ExpiredTokenException: "renew your AWS credentials",
  UnrecognizedClientException: "check your AWS credentials and region",
};

function failure(error: unknown, advice: string): Outcome {
  const { name, message } = error as Error;
  return fail(`${name}: ${message}`, ADVICE[name] ?? advice);
}

/** Runs a check. The advice is for errors without an entry in `ADVICE`. */
async function attempt(
  check: string,
  advice: string,
  run: () => Promise<Outcome>,
): Promise<Finding> {
  return { check, ...(await run().catch((error: unknown) => failure(error, advice))) };
}

/**
 * Verifies that each table exists, and that the caller has permission on the table and its key, by reading a
 * nonexistent item.
 */
async function checkTables(target: Target): Promise<Finding> {
  const reads = forEachTable(tableLabel, async (variable) => {
    const { partitionKey, sortKey }: TableDefinition = TABLES[variable];
    const Key = { [partitionKey]: CLIENT, ...(sortKey && { [sortKey]: CLIENT }) };
    await target.db.send(new GetCommand({ TableName: target[tableContextKey(variable)], Key }));
  });
  const names = Object.keys(reads);
  const results = await Promise.allSettled(Object.values(reads));
  const failed = results.flatMap((result, index) =>
    result.status === "rejected" ? [{ label: names[index], error: result.reason }] : [],
  );
  const [first] = failed;
  const check = "tables";
  if (!first) return { check, ...pass("all tables respond") };
  const { found, ...rest } = failure(first.error, "check the status of the tables");
  return { check, ...rest, found: `${failed.map(({ label }) => label).join(", ")}: ${found}` };
}

async function messagesIn(target: Target, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await target.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] }),
  );
  return Number(Attributes.ApproximateNumberOfMessages ?? 0);
}

async function checkDeadLetters(target: Target): Promise<Outcome> {
  const count = await messagesIn(target, target.deadLetterQueueUrl);
  if (count === 0) return pass("none");
  return fail(
    `${count} events could not be stored`,
    "list the reasons with dead-letters list, fix the cause, then run dead-letters redrive",
  );
}

/** Waits until the audit log contains an event about the token. */
async function seenWithin(
  target: Target,
  { wait }: Options,
  tokenId: string,
  type: string,
): Promise<number | undefined> {
  const startedMs = target.clock();
  const untilMs = startedMs + wait * SECOND_MS;
  for (;;) {
    const { events } = await queryEvents(target, { tokenId, type, limit: 1 });
    if (events.length > 0) return target.clock() - startedMs;
    if (target.clock() >= untilMs) return undefined;
    progress(`waiting for ${type} …`);
    await sleep(ASK_MS);
  }
}

/**
 * CDK's key policy allows EventBridge to use the queue's key only for this account (`aws:SourceAccount`). Whether
 * EventBridge sends this condition key hasn't been verified on AWS: see docs/local-services.md.
 */
const LOST_BEFORE_BUFFER =
  "the buffer queue is empty. Check the rule's metric FailedInvocations. Above 0: EventBridge probably cannot use the queue's KMS key; remove the condition aws:SourceAccount from the key policy's statements for events.amazonaws.com and try again. At 0: check that the bus's rule is enabled, and read the subscriber's log";

/** Finds out where an event got stuck. */
async function stuck(target: Target): Promise<string> {
  const waiting = await messagesIn(target, target.bufferQueueUrl).catch(() => 0);
  return waiting > 0
    ? `${waiting} events are waiting in the buffer queue: check the subscriber's log, throttles and reserved concurrency`
    : LOST_BEFORE_BUFFER;
}

/** Verifies the path from the bus to the events table by waiting for the event of an issued token. */
async function checkEvents(target: Target, options: Options, tokenId: string): Promise<Outcome> {
  const tookMs = await seenWithin(target, options, tokenId, "token_issued");
  if (tookMs !== undefined) return pass(`token_issued reached the audit log after ${tookMs} ms`);
  return fail(
    `token_issued did not reach the audit log within ${options.wait} s`,
    await stuck(target),
  );
}

/** SNS's placeholder for the ARN of an unconfirmed subscription. */
const UNCONFIRMED = "PendingConfirmation";

/** Checks that alarms and alerts have a confirmed subscriber. */
async function checkSubscriptions(target: Target, TopicArn: string): Promise<Outcome> {
  // Imported here because only this command needs SNS.
  const { ListSubscriptionsByTopicCommand, SNSClient } = await import("@aws-sdk/client-sns");
  const { Subscriptions = [] } = await new SNSClient({ ...target.messaging }).send(
    new ListSubscriptionsByTopicCommand({ TopicArn }),
  );
  const confirmed = Subscriptions.filter(
    ({ SubscriptionArn }) => SubscriptionArn !== UNCONFIRMED,
  ).length;
  if (confirmed > 0) return pass(`confirmed subscriptions to the alarm topic: ${confirmed}`);
  if (Subscriptions.length > 0) {
    return warn(
      `unconfirmed subscriptions: ${Subscriptions.length}`,
      "open the link in the confirmation message from SNS",
    );
  }
  return warn(
    "the alarm topic has no subscriptions",
    "subscribe to the alarm topic: see docs/deploy.md",
  );
}

/** The meaning of status codes that API Gateway returns instead of the integration. */
const MEANING: Readonly<Record<number, string>> = {
  401: "the authorizer does not recognize the token: check that the API is attached to this stack",
  403: "the route requires other scopes, or does not exist: set --scopes or correct the URL",
  404: "the route does not exist: give the URL of a protected route",
  500: "the authorizer or the integration failed: read their logs",
  503: "the authorizer could not reach the tokens table: check its log and network",
};

/** Calls the API with the token and waits for the event of the call. */
async function checkCall(
  target: Target,
  options: Options,
  { secret, token }: IssuedToken,
): Promise<Outcome> {
  const { url = "", wait } = options;
  const { status } = await fetch(url, {
    headers: { Authorization: `Bearer ${secret}` },
    redirect: "manual",
    signal: AbortSignal.timeout(wait * SECOND_MS),
  });
  const advice = MEANING[status];
  if (advice) return fail(`the API returned ${status}`, advice);
  const tookMs = await seenWithin(target, options, token.token_id, "token_used");
  if (tookMs === undefined) {
    return fail(
      `the API returned ${status}, and token_used did not reach the audit log within ${wait} s`,
      "check that the method is protected and its stage is deployed, and read the authorizer's log",
    );
  }
  return pass(
    `the API returned ${status}, and token_used reached the audit log after ${tookMs} ms`,
  );
}

/** Whether the stack stored any event before a given time. If it stored none, the stack is new or unused. */
async function hasStoredBefore(target: Target, atMs: number): Promise<boolean> {
  const query = { fromMs: atMs - LOOKBACK_MS, toMs: atMs, limit: 1 };
  const { events } = await queryEvents(target, query);
  // Checks the storage time, because a replay can store events that predate the deployment.
  return events.some(({ created_at }) => Date.parse(created_at) < atMs);
}

async function checkCleanup(target: Target): Promise<Outcome> {
  const { everyMinutes } = target.config.cleanup;
  const [latest] = await listCleanupRuns(target, 1, target.clock());
  const dueMs = target.clock() - 2 * everyMinutes * MINUTE_MS;
  if (!latest) {
    const found = "the cleanup has not run yet";
    if (await hasStoredBefore(target, dueMs)) return fail(found, "check its schedule and log");
    return warn(
      found,
      `after the first deployment, wait ${everyMinutes} minutes and run doctor again`,
    );
  }
  const isLate = Date.parse(latest.started_at) < dueMs;
  if (!isLate && latest.status !== "failed") {
    return pass(`ran at ${latest.started_at}: ${latest.status}`);
  }
  return fail(
    `the last run was at ${latest.started_at}: ${latest.error ?? latest.status}`,
    isLate ? "check its schedule" : "read its log; the next run resumes",
  );
}

/** Compares the account's quotas with the configuration and the expected call rate. */
async function checkQuotas(target: Target, { callsPerSecond }: Options): Promise<Outcome[]> {
  try {
    const errors = findQuotaErrors(target.config, await readAccountLimits(target), callsPerSecond);
    if (errors.length > 0) return errors.map(({ found, advice }) => fail(found, advice));
    const found = "the account's quotas are sufficient for the configuration";
    return [
      callsPerSecond === undefined
        ? pass(`${found}; add --calls-per-second to check your traffic as well`)
        : pass(`${found} and ${callsPerSecond} calls per second`),
    ];
  } catch (error) {
    const advice =
      "allow your identity to call lambda:GetAccountSettings and dynamodb:DescribeLimits";
    return [{ ...failure(error, advice), advice }];
  }
}

/** Issues a token and checks the path of its events, then revokes it. */
async function checkToken(target: Target, options: Options): Promise<Finding[]> {
  const advice = "check the event bus, the tokens table and their policies";
  try {
    const issued = await issueToken(target, {
      clientId: CLIENT,
      scopes: options.scopes,
      expiresInSeconds: TOKEN_SECONDS,
    });
    const tokenId = issued.token.token_id;
    const findings = [await attempt("events", advice, () => checkEvents(target, options, tokenId))];
    if (options.url !== undefined) {
      const callAdvice = "check that the URL is correct and reachable from this machine";
      findings.push(await attempt("call", callAdvice, () => checkCall(target, options, issued)));
    }
    // If the revocation fails, the token still expires. The event check has already reported the cause.
    await revokeToken(target, tokenId).catch(() => {});
    return findings;
  } catch (error) {
    return [{ check: "events", ...failure(error, advice) }];
  }
}

/**
 * Checks a stack end to end and gives advice. It issues a token that is valid for five minutes, then revokes
 * it. The resulting events stay in the audit log under the client ID `oauth-monitoring-doctor`.
 */
export async function doctor(target: Target, rawOptions: object): Promise<Report> {
  const options = parseOptions(optionsSchema, rawOptions);
  const findings: Finding[] = [
    await checkTables(target),
    ...(await checkToken(target, options)),
    await attempt("dead letters", "grant your identity access to the queue", () =>
      checkDeadLetters(target),
    ),
    await attempt("cleanup", "check the cleanup runs table", () => checkCleanup(target)),
    ...(await checkQuotas(target, options)).map((outcome) => ({ check: "quotas", ...outcome })),
  ];
  const { alarmTopicArn } = target;
  if (alarmTopicArn) {
    const advice = "allow your identity to list the topic's subscriptions";
    findings.push(await attempt("alarms", advice, () => checkSubscriptions(target, alarmTopicArn)));
  }
  progress("");
  const text = findings.flatMap(({ check, ok, warning, found, advice }) => [
    `${ok ? (warning ? "WARN" : "ok  ") : "FAIL"}  ${check}: ${printable(found)}`,
    ...(advice ? [`      → ${advice}`] : []),
  ]);
  const failed = findings.some(({ ok }) => !ok);
  return {
    json: { checked_at: toInstant(target.clock()), ok: !failed, checks: findings },
    text: text.join("\n"),
    failed,
  };
}

export function registerDoctor(program: ReportCommand): void {
  program
    .command("doctor")
    .description("check the stack end to end with a five-minute token, and suggest fixes")
    .option("--wait <seconds>", "seconds to wait for an event to reach the audit log", "60")
    .option("--url <url>", "protected URL to call with the token")
    .option("--scopes <scopes>", "space-separated scopes of the token", "api:read")
    .option(
      "--calls-per-second <number>",
      "peak calls per second for which to check the account's quotas",
    )
    .examples(
      "doctor --stack OAuthMonitoring",
      "doctor --stack Shop --url https://api.example.com/orders --scopes orders:read",
    )
    .runOnStack(doctor);
}

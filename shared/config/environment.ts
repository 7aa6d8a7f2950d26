import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { InvalidConfigError, monitoringConfigSchema } from "./monitoring-config.ts";

const resourceName = z.string().min(1);

const environmentSchema = z.object({
  TOKENS_TABLE: resourceName,
  AUTHORIZATION_CODES_TABLE: resourceName,
  SESSIONS_TABLE: resourceName,
  CLIENTS_TABLE: resourceName,
  EVENTS_TABLE: resourceName,
  COUNTERS_TABLE: resourceName,
  ISSUANCES_TABLE: resourceName,
  CLEANUP_RUNS_TABLE: resourceName,
  ALERTS_TABLE: resourceName,
  CREDENTIALS_TABLE: resourceName,
  ACTIONS_TABLE: resourceName,
  DENY_LIST_TABLE: resourceName,
  /** SNS topic for alerts. */
  ALERT_TOPIC_ARN: z.string().startsWith("arn:"),
  EVENT_BUS_NAME: resourceName,
  /** Queue for events that the bus did not accept. */
  UNPUBLISHED_QUEUE_URL: z.url(),
  /** Queue between the bus and the subscriber. */
  BUFFER_QUEUE_URL: z.url(),
  /** Queue for events that the subscriber cannot store. */
  DEAD_LETTER_QUEUE_URL: z.url(),
  /** Bucket of the IP enrichment databases, if there are any. */
  IP_ENRICHMENT_BUCKET: resourceName.optional(),
  /** Table of the Shared Signals transmitter's streams, if the transmitter is on. */
  SIGNALS_TABLE: resourceName,
  /** ARNs of the keys that sign SETs, separated by commas. The first one signs. */
  SIGNING_KEY_ARNS: z
    .string()
    .startsWith("arn:")
    .transform((text) => text.split(",")),
  /** KMS key that encrypts the credentials of receivers. */
  SEALING_KEY_ARN: z.string().startsWith("arn:"),
  /** `iss` of the SETs that this stack transmits. */
  SIGNAL_ISSUER: z.url(),
  /** Queue for pushes to receivers. */
  SIGNAL_PUSH_QUEUE_URL: z.url(),
  /** Queue for events that become SETs. */
  SIGNAL_EVENT_QUEUE_URL: z.url(),
  /** URLs of the webhook queues in the order of the configuration, separated by commas. */
  WEBHOOK_QUEUE_URLS: z
    .string()
    .min(1)
    .transform((text) => text.split(",")),
  /** KMS key that signs approval links, if they are on. */
  APPROVAL_KEY_ARN: z.string().startsWith("arn:"),
  /** URL of the dashboard, which approval links open. */
  APPROVAL_PAGE_URL: z.url(),
  /** Stack name, a dimension of the metrics: several stacks can share an account. */
  OAUTH_MONITORING_STACK: resourceName,
  OAUTH_MONITORING_CONFIG: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "expected JSON" });
        return z.NEVER;
      }
    })
    .pipe(monitoringConfigSchema),
});

type Variables = Readonly<Record<string, string | undefined>>;

/** Every variable a function may get. Each function reads only the ones that it names. */
export type Environment = z.output<typeof environmentSchema>;

/**
 * Reads the named variables from a function's environment. Call it once, at cold start.
 *
 * @throws InvalidConfigError naming each variable that is missing or invalid
 */
export function readEnvironment<K extends keyof Environment>(
  variables: Variables,
  names: readonly K[],
): Pick<Environment, K> {
  const mask = Object.fromEntries(names.map((name) => [name, true])) as { [P in K]: true };
  const parsed = environmentSchema.pick(mask as never).safeParse(variables);
  if (!parsed.success) throw new InvalidConfigError("the function's environment", parsed.error);
  return parsed.data as unknown as Pick<Environment, K>;
}

/** File with the configuration in the asset of each function of the construct. */
export const CONFIG_FILE = "oauth-monitoring.json";

/**
 * Adds the configuration in a function's asset to the function's variables as `OAUTH_MONITORING_CONFIG`. Values that
 * CloudFormation knows only at deployment have a placeholder in the file and are in
 * `OAUTH_MONITORING_DEPLOY_TIME_VALUES`, a JSON object by placeholder.
 */
export function withConfigFile(variables: Variables): Variables {
  const { LAMBDA_TASK_ROOT: folder = ".", OAUTH_MONITORING_DEPLOY_TIME_VALUES } = variables;
  const text = readFileSync(join(folder, CONFIG_FILE), "utf8");
  if (OAUTH_MONITORING_DEPLOY_TIME_VALUES === undefined) {
    return { ...variables, OAUTH_MONITORING_CONFIG: text };
  }
  const values = new Map(Object.entries(JSON.parse(OAUTH_MONITORING_DEPLOY_TIME_VALUES)));
  const config = JSON.parse(text, (_, value) => values.get(value) ?? value);
  return { ...variables, OAUTH_MONITORING_CONFIG: JSON.stringify(config) };
}

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
  HOLDINGS_TABLE: resourceName,
  ACTIONS_TABLE: resourceName,
  RESTRICTIONS_TABLE: resourceName,
  /** Where alerts are told. */
  ALERT_TOPIC_ARN: z.string().startsWith("arn:"),
  EVENT_BUS_NAME: resourceName,
  /** Where events wait while the bus does not take them. */
  UNPUBLISHED_QUEUE_URL: z.url(),
  /** Where events wait for the subscriber. */
  BUFFER_QUEUE_URL: z.url(),
  /** Where the subscriber sets aside what it cannot store. */
  DEAD_LETTER_QUEUE_URL: z.url(),
  /** Where the databases of origins are, if there are any. */
  ORIGINS_BUCKET: resourceName.optional(),
  /** The streams of the transmitter of Shared Signals, where it is on. */
  SIGNALS_TABLE: resourceName,
  /** ARNs of the keys that sign SETs, separated by commas: the first signs. */
  SIGNING_KEY_ARNS: z
    .string()
    .startsWith("arn:")
    .transform((text) => text.split(",")),
  /** The key that encrypts what receivers entrust. */
  SEALING_KEY_ARN: z.string().startsWith("arn:"),
  /** `iss` of our SETs. */
  SIGNAL_ISSUER: z.url(),
  /** Where pushes wait. */
  SIGNAL_PUSH_QUEUE_URL: z.url(),
  /** The queue of the events for which SETs are made. */
  SIGNAL_EVENT_QUEUE_URL: z.url(),
  /** The queues of the webhooks, in the order of the configuration, separated by commas. */
  WEBHOOK_QUEUE_URLS: z
    .string()
    .min(1)
    .transform((text) => text.split(",")),
  /** The key of the links by which actions are approved, where they are on. */
  APPROVAL_KEY_ARN: z.string().startsWith("arn:"),
  /** Where those links lead: the dashboard. */
  APPROVAL_PAGE_URL: z.url(),
  /** The stack's name: keeps apart the metrics of stacks that share an account. */
  OAUTH_MONITORING_STACK: resourceName,
  OAUTH_MONITORING_CONFIG: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(monitoringConfigSchema),
});

/** Every variable a function may be given; a function reads only those it names. */
export type Environment = z.output<typeof environmentSchema>;

/**
 * Reads the named variables of a function's environment, once, at its start.
 *
 * @throws InvalidConfigError naming each variable that is missing or wrong.
 */
export function readEnvironment<K extends keyof Environment>(
  variables: Readonly<Record<string, string | undefined>>,
  names: readonly K[],
): Pick<Environment, K> {
  const mask = Object.fromEntries(names.map((name) => [name, true])) as { [P in K]: true };
  const parsed = environmentSchema.pick(mask as never).safeParse(variables);
  if (!parsed.success) throw new InvalidConfigError("the function's environment", parsed.error);
  return parsed.data as unknown as Pick<Environment, K>;
}

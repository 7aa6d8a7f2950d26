import { Duration } from "aws-cdk-lib";
import { type Function as LambdaFunction, Tracing } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { FunctionName } from "../../shared/config/function-parameters.ts";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { hasActions } from "../../shared/config/signal-parameters.ts";
import type { Data } from "./data.ts";
import { type EventFlow, REPUBLISHER_TIMEOUT, SUBSCRIBER_TIMEOUT } from "./event-flow.ts";
import {
  ACTING,
  ACTING_ON_ALL,
  AUTHORIZING,
  grantIssuers,
  grantNotify,
  grantSecrets,
  grantSend,
  type TablesAccess,
} from "./grants.ts";

/** The configuration and the resources that the definitions refer to. */
export interface FunctionResources {
  readonly config: MonitoringConfig;
  readonly data: Data;
  readonly flow: EventFlow;
  /** Receives alerts. */
  readonly alertTopic: ITopic;
}

/** One function: its code, limits, access and triggers. */
export interface FunctionDefinition {
  /** Folder in `dist/functions/`. Functions that have most of their code in common share an asset. */
  readonly asset: "admin-routes" | "authorizer" | "background" | "dashboard" | "sample-api";
  /** File with the handler in the asset, without `.mjs`. */
  readonly entry: string;
  readonly timeout: Duration;
  /** @default 512 */
  readonly memorySize?: number;
  /**
   * X-Ray tracing. `PASS_THROUGH` leaves the sampling decision to the caller, so that users can configure it on the
   * API's stage.
   *
   * @default Tracing.ACTIVE
   */
  readonly tracing?: Tracing;
  /** Table access. The function also receives the names of the tables. */
  readonly tables?: TablesAccess | ((config: MonitoringConfig) => TablesAccess);
  /** Whether the function publishes to the event bus. */
  readonly publishes?: boolean;
  /** Minutes between two runs, for a function that a schedule invokes. */
  readonly everyMinutes?: (config: MonitoringConfig) => number;
  /** Further environment variables. */
  readonly environment?: (resources: FunctionResources) => Record<string, string>;
  /** Grants further permissions. */
  readonly grants?: (target: LambdaFunction, resources: FunctionResources) => void;
  /** The queue that invokes the function. */
  readonly source?: (resources: FunctionResources) => SqsEventSource;
}

const HTTP_TIMEOUT = Duration.seconds(29);

/** Timeout of the functions that create and push SETs. */
export const SIGNAL_TIMEOUT = Duration.seconds(30);

const getTransmitters = ({ signals }: MonitoringConfig) => signals?.receiver?.transmitters ?? [];
const getPolled = (config: MonitoringConfig) => getTransmitters(config).filter(({ poll }) => poll);

/**
 * Every function. Optional features add their own queues, tables and keys to their functions: `ApprovalLinks`,
 * `EnrichmentDatabases`, `SignalTransmitter` and `Webhooks`.
 */
export const FUNCTIONS: Readonly<Record<FunctionName, FunctionDefinition>> = {
  Authorizer: {
    asset: "authorizer",
    entry: "index",
    // A decision takes milliseconds. The rest leaves time to publish events while the bus is slow.
    timeout: Duration.seconds(30),
    memorySize: 1024,
    tracing: Tracing.PASS_THROUGH,
    tables: AUTHORIZING,
    publishes: true,
    environment: ({ flow }) => ({ UNPUBLISHED_QUEUE_URL: flow.unpublished.queueUrl }),
    grants: (target, { config, data, flow }) => {
      grantSend(target, flow.unpublished);
      grantIssuers(data, target, config);
    },
  },
  Subscriber: {
    asset: "background",
    entry: "subscriber",
    timeout: SUBSCRIBER_TIMEOUT,
    memorySize: 1024,
    tracing: Tracing.PASS_THROUGH,
    tables: {
      EVENTS_TABLE: { table: ["PutItem"] },
      COUNTERS_TABLE: { table: ["BatchGetItem", "UpdateItem"] },
      ISSUANCES_TABLE: { table: ["BatchGetItem", "PutItem"] },
      CLIENTS_TABLE: { table: ["UpdateItem"] },
    },
    publishes: true,
    environment: ({ flow }) => ({
      BUFFER_QUEUE_URL: flow.buffer.queueUrl,
      DEAD_LETTER_QUEUE_URL: flow.deadLetters.queueUrl,
    }),
    grants: (target, { flow }) => grantSend(target, flow.deadLetters),
    source: ({ config: { subscriber }, flow }) =>
      new SqsEventSource(flow.buffer, {
        batchSize: subscriber.batchSize,
        maxBatchingWindow: Duration.seconds(subscriber.batchWindowSeconds),
        maxConcurrency: subscriber.maxConcurrency,
        reportBatchItemFailures: true,
      }),
  },
  Republisher: {
    asset: "background",
    entry: "republisher",
    timeout: REPUBLISHER_TIMEOUT,
    publishes: true,
    source: ({ flow }) =>
      new SqsEventSource(flow.unpublished, {
        batchSize: 10,
        // While the bus is slow, invocations take seconds. The limit keeps them from using up the account's
        // concurrency.
        maxConcurrency: 10,
        reportBatchItemFailures: true,
      }),
  },
  Cleanup: {
    asset: "background",
    entry: "cleanup",
    timeout: Duration.minutes(15),
    everyMinutes: ({ cleanup }) => cleanup.everyMinutes,
    tables: {
      TOKENS_TABLE: { table: ["DeleteItem"], indexes: ["Query"], only: ["by_expiry"] },
      AUTHORIZATION_CODES_TABLE: { table: ["DeleteItem"], indexes: ["Query"], only: ["by_expiry"] },
      SESSIONS_TABLE: { table: ["DeleteItem"], indexes: ["Query"], only: ["by_expiry"] },
      EVENTS_TABLE: {
        table: ["BatchGetItem", "DeleteItem"],
        indexes: ["Query"],
        only: ["by_time"],
      },
      COUNTERS_TABLE: { table: ["Query"] },
      CLEANUP_RUNS_TABLE: { table: ["PutItem"] },
    },
  },
  Anomalies: {
    asset: "background",
    entry: "anomalies",
    timeout: Duration.minutes(4),
    memorySize: 1024,
    everyMinutes: ({ anomalies }) => anomalies.everyMinutes,
    tables: {
      EVENTS_TABLE: {
        table: ["BatchGetItem", "Query"],
        indexes: ["Query"],
        only: ["by_type", "by_client", "by_ip"],
      },
      COUNTERS_TABLE: { table: ["BatchGetItem", "Query", "UpdateItem"], indexes: ["Query"] },
      ISSUANCES_TABLE: { table: ["BatchGetItem"] },
      TOKENS_TABLE: {
        table: ["BatchGetItem", "UpdateItem"],
        indexes: ["Query"],
        only: ["by_token_id", "by_expiry"],
      },
      SESSIONS_TABLE: {
        table: ["BatchGetItem", "DeleteItem"],
        indexes: ["Query"],
        only: ["by_expiry"],
      },
      CREDENTIALS_TABLE: { table: ["Query", "UpdateItem"] },
      ACTIONS_TABLE: {
        table: ["GetItem", "PutItem", "UpdateItem"],
        indexes: ["Query"],
        only: ["by_target", "by_open_work", "by_state"],
      },
      DENY_LIST_TABLE: { table: ["GetItem", "PutItem", "Query", "UpdateItem"] },
      ALERTS_TABLE: {
        table: ["BatchGetItem", "GetItem", "PutItem", "UpdateItem"],
        indexes: ["Query"],
      },
    },
    publishes: true,
    environment: ({ alertTopic }) => ({ ALERT_TOPIC_ARN: alertTopic.topicArn }),
    grants: (target, { alertTopic }) => grantNotify(target, alertTopic),
  },
  Stats: {
    asset: "admin-routes",
    entry: "stats",
    timeout: HTTP_TIMEOUT,
    tables: {
      COUNTERS_TABLE: { table: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
      CLIENTS_TABLE: { table: ["BatchGetItem"] },
    },
  },
  Activity: {
    asset: "admin-routes",
    entry: "activity",
    timeout: HTTP_TIMEOUT,
    tables: {
      EVENTS_TABLE: { table: ["Query"], indexes: ["Query"], only: ["by_ip"] },
      COUNTERS_TABLE: { table: ["Query"], indexes: ["Query"] },
    },
  },
  Events: {
    asset: "admin-routes",
    entry: "events",
    timeout: HTTP_TIMEOUT,
    tables: {
      EVENTS_TABLE: { table: ["BatchGetItem", "Query"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"] },
    },
  },
  ClientList: {
    asset: "admin-routes",
    entry: "clients",
    timeout: HTTP_TIMEOUT,
    tables: {
      CLIENTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
    },
  },
  CleanupRunList: {
    asset: "admin-routes",
    entry: "cleanup-runs",
    timeout: HTTP_TIMEOUT,
    tables: { CLEANUP_RUNS_TABLE: { table: ["Query"] } },
  },
  AlertList: {
    asset: "admin-routes",
    entry: "alerts",
    timeout: HTTP_TIMEOUT,
    tables: { ALERTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] } },
  },
  ActionList: {
    asset: "admin-routes",
    entry: "actions",
    timeout: HTTP_TIMEOUT,
    tables: {
      TOKENS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"], only: ["by_expiry"] },
      SESSIONS_TABLE: { table: ["BatchGetItem"] },
      CREDENTIALS_TABLE: { table: ["Query"] },
      ACTIONS_TABLE: { indexes: ["Query"], only: ["by_state", "by_target"] },
    },
  },
  Respond: {
    asset: "admin-routes",
    entry: "respond",
    timeout: HTTP_TIMEOUT,
    tables: { ...ACTING_ON_ALL, ALERTS_TABLE: { table: ["GetItem", "UpdateItem"] } },
    publishes: true,
  },
  Approval: {
    asset: "admin-routes",
    entry: "approvals",
    timeout: HTTP_TIMEOUT,
    tables: ACTING,
    publishes: true,
  },
  Dashboard: { asset: "dashboard", entry: "index", timeout: HTTP_TIMEOUT, memorySize: 256 },
  OcsfExport: { asset: "background", entry: "ocsf-export", timeout: Duration.minutes(1) },
  SignalReceiver: {
    asset: "admin-routes",
    entry: "signal-receiver",
    timeout: HTTP_TIMEOUT,
    memorySize: 1024,
    tables: (config) => (hasActions(getTransmitters(config)) ? ACTING : {}),
    publishes: true,
    grants: (target, { config }) =>
      grantSecrets(
        target,
        getTransmitters(config).map((each) => each.pushAuthorizationSecretArn),
      ),
  },
  SignalPoller: {
    asset: "admin-routes",
    entry: "signal-poller",
    timeout: Duration.minutes(1),
    everyMinutes: ({ signals }) => signals?.receiver?.pollEveryMinutes ?? 1,
    tables: (config) => (hasActions(getPolled(config)) ? ACTING : {}),
    publishes: true,
    grants: (target, { config }) =>
      grantSecrets(
        target,
        getPolled(config).map(({ poll }) => poll?.authorizationSecretArn),
      ),
  },
  SignalStreams: { asset: "admin-routes", entry: "signal-streams", timeout: HTTP_TIMEOUT },
  SignalTransmitter: {
    asset: "admin-routes",
    entry: "signal-transmitter",
    timeout: SIGNAL_TIMEOUT,
  },
  SignalDelivery: { asset: "admin-routes", entry: "signal-delivery", timeout: SIGNAL_TIMEOUT },
  Webhook: {
    asset: "admin-routes",
    entry: "webhook",
    timeout: SIGNAL_TIMEOUT,
    grants: (target, { config }) =>
      grantSecrets(
        target,
        config.notifications.webhooks.map(({ secretArn }) => secretArn),
      ),
  },
  ProviderEndpoint: {
    asset: "admin-routes",
    entry: "provider-endpoint",
    timeout: HTTP_TIMEOUT,
    memorySize: 1024,
    tables: { COUNTERS_TABLE: { table: ["UpdateItem"] } },
    publishes: true,
    grants: (target, { config }) =>
      grantSecrets(
        target,
        config.providers.endpoints.map(({ authentication }) => authentication.secretArn),
      ),
  },
  SampleApi: { asset: "sample-api", entry: "index", timeout: HTTP_TIMEOUT },
};

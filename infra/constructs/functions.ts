import { existsSync } from "node:fs";
import { join } from "node:path";
import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  ApplicationLogLevel,
  Architecture,
  type CfnFunction,
  Code,
  type IFunction,
  type IVersion,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { FunctionName } from "../../shared/config/function-parameters.ts";
import {
  type MonitoringConfig,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { hasActions } from "../../shared/config/signal-parameters.ts";
import { withoutDefaults } from "../../shared/config/without-defaults.ts";
import { packageRoot } from "../../shared/stack/package-root.ts";
import type { Data, TableVariable } from "./data.ts";
import { type EventFlow, REPUBLISHER_TIMEOUT, SUBSCRIBER_TIMEOUT } from "./event-flow.ts";
import {
  ACTING,
  ACTING_ON_ALL,
  grantIssuers,
  grantPublish,
  grantSecrets,
  grantTables,
  type TablesAccess,
} from "./grants.ts";

interface FunctionDefinition {
  /** Folder in `functions/`. */
  readonly folder: string;
  /**
   * File name of the function, if the folder contains several.
   *
   * @default "index"
   */
  readonly entry?: string;
  readonly timeout: Duration;
  readonly memorySize?: number;
  /**
   * X-Ray tracing.
   *
   * @default Tracing.ACTIVE
   */
  readonly tracing?: Tracing;
  readonly tables?: TablesAccess;
}

/**
 * Maximum size of the configuration. Lambda limits all environment variables together to 4 KB.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_CONFIG_BYTES = 2560;

/**
 * Serializes the configuration.
 *
 * @throws Error naming the largest key if the configuration is too long for an environment variable
 */
function configVariable(config: MonitoringConfig): string {
  const compact = withoutDefaults(config);
  const text = JSON.stringify(compact);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_CONFIG_BYTES) return text;
  const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const [largest] = Object.entries(compact)
    .map(([key, value]) => ({ key, size: sizeOf(value) }))
    .sort((a, b) => b.size - a.size);
  throw new Error(
    `the oauth-monitoring configuration has ${bytes} bytes without defaults, but only ${MAX_CONFIG_BYTES} fit into a function's environment. Shorten ${largest?.key}, which has ${largest?.size}`,
  );
}

/** Removes the settings that only the provider endpoint reads. */
function withoutEndpoints(config: MonitoringConfig): MonitoringConfig {
  const { endpoints, endpointThrottle } = parseMonitoringConfig({}).providers;
  return { ...config, providers: { ...config.providers, endpoints, endpointThrottle } };
}

/** Keeps only the settings that the provider endpoint reads. */
function onlyEndpoints({ realm, retention, providers }: MonitoringConfig): MonitoringConfig {
  return { ...parseMonitoringConfig({}), realm, retention, providers };
}

/** Functions that publish to the event bus. */
const PUBLISHERS: ReadonlySet<FunctionName> = new Set<FunctionName>([
  "Authorizer",
  "Subscriber",
  "Republisher",
  "Anomalies",
  "Respond",
  "Approval",
  "SignalReceiver",
  "SignalPoller",
  "ProviderEndpoint",
]);

const HTTP_TIMEOUT = Duration.seconds(29);

/** Leaves the sampling decision to the API's stage, so that users can configure it. */
const TRACED_WITH_API = Tracing.PASS_THROUGH;

/**
 * The functions behind the admin API, and those for Shared Signals, webhooks and providers. They share one asset
 * because most of their code is the same.
 */
const ADMIN_ROUTES = "admin-routes";

/** Functions that run on a schedule. */
export const SCHEDULED: ReadonlySet<string> = new Set(["Anomalies", "Cleanup", "SignalPoller"]);

/** The background functions, which also share one asset. */
const BACKGROUND = "background";

/** Timeout of the functions that create and push SETs. */
export const SIGNAL_TIMEOUT = Duration.seconds(30);

/** Asset and permissions of each function. */
const DEFINITIONS = {
  Authorizer: {
    folder: "authorizer",
    // A decision takes milliseconds. The rest leaves time to publish events while the bus is slow.
    timeout: Duration.seconds(30),
    memorySize: 1024,
    tracing: TRACED_WITH_API,
    tables: {
      TOKENS_TABLE: { table: ["GetItem", "UpdateItem"] },
      SESSIONS_TABLE: { table: ["GetItem"] },
      HOLDINGS_TABLE: { table: ["PutItem"] },
      RESTRICTIONS_TABLE: { table: ["GetItem", "Query"] },
    },
  },
  Subscriber: {
    folder: BACKGROUND,
    entry: "subscriber",
    timeout: SUBSCRIBER_TIMEOUT,
    tracing: TRACED_WITH_API,
    memorySize: 1024,
    tables: {
      EVENTS_TABLE: { table: ["PutItem"] },
      COUNTERS_TABLE: { table: ["BatchGetItem", "UpdateItem"] },
      ISSUANCES_TABLE: { table: ["BatchGetItem", "PutItem"] },
      CLIENTS_TABLE: { table: ["UpdateItem"] },
    },
  },
  Republisher: { folder: BACKGROUND, entry: "republisher", timeout: REPUBLISHER_TIMEOUT },
  Cleanup: {
    folder: BACKGROUND,
    entry: "cleanup",
    timeout: Duration.minutes(15),
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
    folder: BACKGROUND,
    entry: "anomalies",
    timeout: Duration.minutes(4),
    memorySize: 1024,
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
      HOLDINGS_TABLE: { table: ["Query", "UpdateItem"] },
      ACTIONS_TABLE: {
        table: ["GetItem", "PutItem", "UpdateItem"],
        indexes: ["Query"],
        only: ["by_target", "by_open_work", "by_state"],
      },
      RESTRICTIONS_TABLE: { table: ["GetItem", "PutItem", "Query", "UpdateItem"] },
      ALERTS_TABLE: {
        table: ["BatchGetItem", "GetItem", "PutItem", "UpdateItem"],
        indexes: ["Query"],
      },
    },
  },
  Stats: {
    folder: ADMIN_ROUTES,
    entry: "stats",
    timeout: HTTP_TIMEOUT,
    tables: {
      COUNTERS_TABLE: { table: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
      CLIENTS_TABLE: { table: ["BatchGetItem"] },
    },
  },
  Activity: {
    folder: ADMIN_ROUTES,
    entry: "activity",
    timeout: HTTP_TIMEOUT,
    tables: {
      EVENTS_TABLE: { table: ["Query"], indexes: ["Query"], only: ["by_ip"] },
      COUNTERS_TABLE: { table: ["Query"], indexes: ["Query"] },
    },
  },
  Events: {
    folder: ADMIN_ROUTES,
    entry: "events",
    timeout: HTTP_TIMEOUT,
    tables: {
      EVENTS_TABLE: { table: ["BatchGetItem", "Query"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"] },
    },
  },
  ClientList: {
    folder: ADMIN_ROUTES,
    entry: "clients",
    timeout: HTTP_TIMEOUT,
    tables: {
      CLIENTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
    },
  },
  CleanupRunList: {
    folder: ADMIN_ROUTES,
    entry: "cleanup-runs",
    timeout: HTTP_TIMEOUT,
    tables: { CLEANUP_RUNS_TABLE: { table: ["Query"] } },
  },
  AlertList: {
    folder: ADMIN_ROUTES,
    entry: "alerts",
    timeout: HTTP_TIMEOUT,
    tables: { ALERTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] } },
  },
  ActionList: {
    folder: ADMIN_ROUTES,
    entry: "actions",
    timeout: HTTP_TIMEOUT,
    tables: {
      TOKENS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"], only: ["by_expiry"] },
      SESSIONS_TABLE: { table: ["BatchGetItem"] },
      HOLDINGS_TABLE: { table: ["Query"] },
      ACTIONS_TABLE: { indexes: ["Query"], only: ["by_state", "by_target"] },
    },
  },
  Respond: {
    folder: ADMIN_ROUTES,
    entry: "respond",
    timeout: HTTP_TIMEOUT,
    tables: { ...ACTING_ON_ALL, ALERTS_TABLE: { table: ["GetItem", "UpdateItem"] } },
  },
  Approval: {
    folder: ADMIN_ROUTES,
    entry: "approvals",
    timeout: HTTP_TIMEOUT,
    tables: ACTING,
  },
  Dashboard: {
    folder: "dashboard",
    timeout: HTTP_TIMEOUT,
    memorySize: 256,
  },
  OcsfExport: { folder: BACKGROUND, entry: "ocsf-export", timeout: Duration.minutes(1) },
  SignalReceiver: {
    folder: ADMIN_ROUTES,
    entry: "signal-receiver",
    timeout: HTTP_TIMEOUT,
    memorySize: 1024,
  },
  SignalPoller: { folder: ADMIN_ROUTES, entry: "signal-poller", timeout: Duration.minutes(1) },
  SignalStreams: { folder: ADMIN_ROUTES, entry: "signal-streams", timeout: HTTP_TIMEOUT },
  SignalTransmitter: { folder: ADMIN_ROUTES, entry: "signal-transmitter", timeout: SIGNAL_TIMEOUT },
  SignalDelivery: { folder: ADMIN_ROUTES, entry: "signal-delivery", timeout: SIGNAL_TIMEOUT },
  Webhook: { folder: ADMIN_ROUTES, entry: "webhook", timeout: SIGNAL_TIMEOUT },
  ProviderEndpoint: {
    folder: ADMIN_ROUTES,
    entry: "provider-endpoint",
    timeout: HTTP_TIMEOUT,
    memorySize: 1024,
    tables: { COUNTERS_TABLE: { table: ["UpdateItem"] } },
  },
  SampleApi: { folder: "sample-api", timeout: HTTP_TIMEOUT },
} as const satisfies Record<FunctionName, FunctionDefinition>;

/**
 * Functions that send alerts and actions to other systems. They read the configuration and at most one table of their
 * own.
 */
const TRANSMITTING: ReadonlySet<FunctionName> = new Set([
  ...(["SignalStreams", "SignalTransmitter", "SignalDelivery", "Webhook"] as const),
]);

export type { FunctionName };

/** Returns the timeout of a function. */
export const timeoutOf = (name: FunctionName): Duration => DEFINITIONS[name].timeout;

/** Called for each function. */
export type FunctionWatcher = (name: FunctionName, created: IFunction) => void;

/** The subnets and security groups of the functions. */
export interface FunctionNetwork {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/**
 * The permissions that Lambda needs to run a function in a VPC. They can't be limited to specific resources, because
 * the network interfaces don't exist yet at deployment.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
const NETWORK_ACTIONS = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/** Properties of the functions. */
export interface FunctionsProps {
  readonly config: MonitoringConfig;
  readonly data: Data;
  readonly flow: EventFlow;
  /** Receives alerts. */
  readonly alertTopic: ITopic;
  /** The VPC in which the functions run. Undefined to run them outside a VPC. */
  readonly network: FunctionNetwork | undefined;
  /** Metric dimension that separates several stacks and constructs in one account. */
  readonly metricsName: string;
  readonly logRetention: RetentionDays;
  /** Removal policy of the log groups. */
  readonly removalPolicy: RemovalPolicy;
}

/** The Lambda functions. Each has its own least-privilege role. */
export class Functions extends Construct {
  readonly #created = new Map<FunctionName, LambdaFunction>();
  readonly #watchers: FunctionWatcher[] = [];
  /** The configuration as functions read it from their environment. */
  readonly configVariable: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: FunctionsProps,
  ) {
    super(scope, id);
    this.configVariable = configVariable(withoutEndpoints(props.config));
  }

  /** Value of the metric dimension `stack`. */
  get metricsName(): string {
    return this.props.metricsName;
  }

  /** Returns a function. Creates it on first use, so that no unused functions are deployed. */
  get(name: FunctionName): LambdaFunction {
    return (this.node.tryFindChild(name) as LambdaFunction | undefined) ?? this.#create(name);
  }

  /** The authorizer that API Gateway invokes: the function, or its alias if provisioned concurrency is configured. */
  get authorizer(): IFunction {
    const authorizer = this.get("Authorizer");
    const warm = this.props.config.functions.authorizerProvisionedConcurrency;
    if (warm === 0) return authorizer;
    const id = "AuthorizerLive";
    const live =
      this.node.tryFindChild(id) ??
      new Alias(this, id, {
        aliasName: "live",
        description: "What API Gateway calls",
        version: authorizer.currentVersion as IVersion,
        provisionedConcurrentExecutions: warm,
      });
    return live as Alias as IFunction;
  }

  /** Calls the watcher for every function, including functions that are created later. */
  watch(watcher: FunctionWatcher): void {
    this.#watchers.push(watcher);
    for (const [name, created] of this.#created) watcher(name, created);
  }

  /** Connects the subscriber to the buffer queue, and the republisher to the queue of spooled events. */
  consumeQueues(): void {
    const { subscriber } = this.props.config;
    this.get("Subscriber").addEventSource(
      new SqsEventSource(this.props.flow.buffer, {
        batchSize: subscriber.batchSize,
        maxBatchingWindow: Duration.seconds(subscriber.batchWindowSeconds),
        maxConcurrency: subscriber.maxConcurrency,
        reportBatchItemFailures: true,
      }),
    );
    this.get("Republisher").addEventSource(
      new SqsEventSource(this.props.flow.unpublished, {
        batchSize: 10,
        // While the bus is slow, invocations take seconds. The limit keeps them from using up the account's
        // concurrency.
        maxConcurrency: 10,
        reportBatchItemFailures: true,
      }),
    );
  }

  #create(name: FunctionName): LambdaFunction {
    const definition: FunctionDefinition = DEFINITIONS[name];
    const { config, logRetention, network, removalPolicy, metricsName } = this.props;
    const reserved = config.functions.reservedConcurrency[name];
    const logGroup = new LogGroup(this, `${name}Log`, { retention: logRetention, removalPolicy });
    // CDK's default role has AWSLambdaBasicExecutionRole, which allows access to all log groups of the account.
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    logGroup.grantWrite(role);
    Validations.of(role).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason:
        "X-Ray's PutTraceSegments and PutTelemetryRecords, and the EC2 actions of functions in a VPC, do not support resource-level permissions. Nothing else is allowed on *.",
    });
    if (network) {
      role.addToPolicy(new PolicyStatement({ actions: NETWORK_ACTIONS, resources: ["*"] }));
    }
    const created = new LambdaFunction(this, name, {
      role,
      code: Code.fromAsset(functionAsset(definition)),
      handler: `${definition.entry ?? "index"}.handler`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: definition.timeout,
      memorySize: definition.memorySize ?? 512,
      tracing: definition.tracing ?? Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      // Lambda's three log lines per invocation only repeat its metrics.
      systemLogLevelV2: SystemLogLevel.WARN,
      // Overrides the log level and sampling that Powertools reads from the environment. To debug a function, lower
      // the level in the function's logging configuration.
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // If a scheduled run fails, the next run does its work, so no retry is needed. Only schedules invoke functions
      // asynchronously.
      ...(SCHEDULED.has(name) && { retryAttempts: 0 }),
      logGroup,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      environment: {
        POWERTOOLS_SERVICE_NAME: definition.entry ?? definition.folder,
        OAUTH_MONITORING_STACK: metricsName,
      },
    });
    if (network) {
      // CDK's `vpc` property adds a managed policy that allows access to all log groups of the account.
      (created.node.defaultChild as CfnFunction).vpcConfig = {
        subnetIds: [...network.subnetIds],
        securityGroupIds: [...network.securityGroupIds],
      };
    }
    this.#grantTables(created, definition);
    this.#connect(name, created);
    this.#created.set(name, created);
    for (const watch of this.#watchers) watch(name, created);
    return created;
  }

  #grantTables(target: LambdaFunction, { tables = {} }: Pick<FunctionDefinition, "tables">): void {
    const { data } = this.props;
    const variables = Object.keys(tables) as TableVariable[];
    for (const variable of variables) {
      target.addEnvironment(variable, data.tables[variable].tableName);
    }
    if (variables.length === 0) return;
    target.addEnvironment("OAUTH_MONITORING_CONFIG", this.configVariable);
    grantTables(data, target, tables);
  }

  /** Grants permissions other than table access. */
  #connect(name: FunctionName, target: LambdaFunction): void {
    const { bus, unpublished, deadLetters, buffer } = this.props.flow;
    if (name === "Anomalies") {
      this.#mayNotify(target, this.props.alertTopic);
    }
    if (PUBLISHERS.has(name)) {
      target.addEnvironment("EVENT_BUS_NAME", bus.eventBusName);
      grantPublish(bus, target);
    }
    if (name === "Authorizer") {
      this.#mayOnlySend(target, "UNPUBLISHED_QUEUE_URL", unpublished);
      grantIssuers(this.props.data, target, this.props.config);
    }
    if (name === "OcsfExport") {
      target.addEnvironment("OAUTH_MONITORING_CONFIG", this.configVariable);
    }
    if (name === "SignalReceiver" || name === "SignalPoller") {
      target.addEnvironment("OAUTH_MONITORING_CONFIG", this.configVariable);
      const all = this.props.config.signals?.receiver?.transmitters ?? [];
      const transmitters = all.filter(({ poll }) => name === "SignalReceiver" || poll);
      if (hasActions(transmitters)) this.#grantTables(target, { tables: ACTING });
      grantSecrets(
        target,
        transmitters.flatMap(({ pushAuthorizationSecretArn, poll }) =>
          name === "SignalReceiver"
            ? (pushAuthorizationSecretArn ?? [])
            : (poll?.authorizationSecretArn ?? []),
        ),
      );
    }
    if (name === "ProviderEndpoint") {
      const { config } = this.props;
      target.addEnvironment("OAUTH_MONITORING_CONFIG", configVariable(onlyEndpoints(config)));
      const { endpoints } = config.providers;
      grantSecrets(
        target,
        endpoints.map(({ authentication }) => authentication.secretArn),
      );
    }
    if (TRANSMITTING.has(name)) {
      target.addEnvironment("OAUTH_MONITORING_CONFIG", this.configVariable);
    }
    if (name === "Subscriber") {
      target.addEnvironment("BUFFER_QUEUE_URL", buffer.queueUrl);
      this.#mayOnlySend(target, "DEAD_LETTER_QUEUE_URL", deadLetters);
    }
  }

  /**
   * Allows a function to publish to a topic, which may have its own key. Doesn't use CDK's grant on the key, because it
   * contains a wildcard.
   * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
   */
  #mayNotify(target: LambdaFunction, topic: ITopic): void {
    target.addEnvironment("ALERT_TOPIC_ARN", topic.topicArn);
    allow(target, ["sns:Publish"], [topic.topicArn]);
    topic.masterKey?.grant(target, "kms:Decrypt", "kms:GenerateDataKey");
  }

  #mayOnlySend(target: LambdaFunction, variable: string, queue: Queue): void {
    target.addEnvironment(variable, queue.queueUrl);
    allow(target, ["sqs:SendMessage"], [queue.queueArn]);
  }
}

function allow(target: IFunction, actions: readonly string[], resources: string[]): void {
  if (actions.length === 0) return;
  target.addToRolePolicy(
    new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources }),
  );
}

/**
 * Returns the folder of a function's bundle as an asset. The npm package contains the bundles. In a clone of the
 * repository, build them with `npm run build`.
 *
 * @throws Error saying what to run if the bundle is missing
 */
function functionAsset({ folder, entry = "index" }: FunctionDefinition): string {
  const path = join(packageRoot(), "dist/functions", folder);
  if (!existsSync(join(path, `${entry}.mjs`))) {
    throw new Error(`the function ${folder} is not built. Run npm run build`);
  }
  return path;
}

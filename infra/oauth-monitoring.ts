import { type RemovalPolicy, Stack } from "aws-cdk-lib";
import type { HttpApi, IHttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import type { Metric, MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { SecurityGroup } from "aws-cdk-lib/aws-ec2";
import type { EventBus } from "aws-cdk-lib/aws-events";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../shared/config/monitoring-config.ts";
import {
  forEachTable,
  type TableVariable,
  tableConstructId,
  tableProperty,
} from "../shared/core/tables.ts";
import type { MetricName, MetricService } from "../shared/core/telemetry.ts";
import { AdminApi, type AdminApiProps } from "./constructs/admin-api.ts";
import { Alarms } from "./constructs/alarms.ts";
import { ApprovalLinks } from "./constructs/approval-links.ts";
import {
  type AttachedApi,
  type AttachedHttpApi,
  type AttachHttpOptions,
  Attachments,
  type AttachOptions,
  isHttp,
  type ProtectedHttpTarget,
  type ProtectedTarget,
} from "./constructs/attachments.ts";
import { Data, REMOVAL_POLICIES } from "./constructs/data.ts";
import { EnrichmentDatabases } from "./constructs/enrichment-databases.ts";
import { EventFlow } from "./constructs/event-flow.ts";
import { type FunctionNetwork, Functions } from "./constructs/functions.ts";
import {
  ACTING_ON_ALL,
  AUTHORIZING,
  grantDpopNonces,
  grantIssuers,
  grantPublish,
  grantSend,
  grantTables,
} from "./constructs/grants.ts";
import { ownMetric } from "./constructs/metrics-and-alarms.ts";
import { MetricsDashboard } from "./constructs/metrics-dashboard.ts";
import { OcsfExport } from "./constructs/ocsf-export.ts";
import { SignalTransmitter } from "./constructs/signal-transmitter.ts";
import { SignalsApi } from "./constructs/signals-api.ts";
import { StackOutputs } from "./constructs/stack-outputs.ts";
import { Webhooks } from "./constructs/webhooks.ts";
import { getConfiguration, type OAuthMonitoringProps } from "./oauth-monitoring-props.ts";

/** Construct ID of the admin API. */
const ADMIN_API = "AdminApi";

/** The tables, for access beyond the construct's grants. */
export interface MonitoringTables {
  /** Access tokens by the digest of their secret. */
  readonly tokens: Table;
  /** Authorization codes by their digest. */
  readonly authorizationCodes: Table;
  /** Sessions by the digest of their ID. */
  readonly sessions: Table;
  /** OAuth clients by ID. */
  readonly clients: Table;
  /** The audit log, by event ID. */
  readonly events: Table;
  /** The counters from which statistics are computed. */
  readonly counters: Table;
  /** When each token was issued, expires, and was revoked. */
  readonly issuances: Table;
  /** Results of the cleanup runs. */
  readonly cleanupRuns: Table;
  /** Detected anomalies, and mutes. */
  readonly alerts: Table;
  /** Tokens and sessions by principal (user or client). */
  readonly credentials: Table;
  /** Actions that were taken against principals or await approval. */
  readonly actions: Table;
  /** The deny list: the blocks and revocations that all adapters check. */
  readonly denyList: Table;
}

/**
 * OAuth monitoring for APIs: an authorizer, an audit log, statistics, anomaly detection, and the cleanup of expired
 * data.
 *
 * Creates twelve DynamoDB tables, an event bus with an archive, four queues, Lambda functions and their schedules, a
 * KMS key, and an SNS topic. Unless disabled, it also creates alarms, a CloudWatch dashboard, and the stack outputs
 * that `oauth-monitoring --stack NAME` needs to find the construct.
 *
 * @example
 * ```typescript
 * const monitoring = new OAuthMonitoring(this, "Monitoring");
 * monitoring.attach(api);
 * ```
 * @throws InvalidConfigError with the path of each invalid property and how to fix it
 */
export class OAuthMonitoring extends Construct {
  /** The configuration, including defaults. */
  readonly config: MonitoringConfig;
  /** The twelve tables. */
  readonly tables: MonitoringTables;
  /** The bus to which producers publish events. */
  readonly eventBus: EventBus;
  /** Messages that couldn't be stored. */
  readonly deadLetterQueue: Queue;
  /** Encrypts tables, queues and the bus's archive. */
  readonly encryptionKey: IKey;
  /** Receives alarms and alerts. */
  readonly alarmTopic: ITopic;
  /** The bucket for exported events. Undefined unless the configuration enables the OCSF export. */
  readonly ocsfBucket: Bucket | undefined;
  /** The bucket for IP enrichment databases. Undefined unless the configuration lists databases. */
  readonly ipEnrichmentBucket: Bucket | undefined;
  /** The Shared Signals API. Undefined unless the configuration contains `signals`. */
  readonly signalsApi: HttpApi | undefined;
  /** The authorizer function, for APIs that `attach` doesn't support. Grant API Gateway permission to invoke it. */
  readonly authorizerFunction: IFunction;
  /**
   * Environment variables for `openMonitoring` of `oauth-monitoring/sdk` and for the middlewares of
   * `oauth-monitoring/lambda` and `oauth-monitoring/node`. Set them on your function or container. They contain no
   * secrets. Lambda limits a function's environment to 4 KB; most of it is used by the settings that you changed.
   */
  readonly environment: Readonly<Record<string, string>>;
  readonly #data: Data;
  readonly #flow: EventFlow;
  readonly #functions: Functions;
  readonly #alarms: Alarms | undefined;
  readonly #attachments: Attachments;
  readonly #outputs: StackOutputs | undefined;
  readonly #logRetention: RetentionDays;
  readonly #removalPolicy: RemovalPolicy;

  constructor(scope: Construct, id: string, props: OAuthMonitoringProps = {}) {
    super(scope, id);
    const configuration = getConfiguration(props);
    this.config = configuration.config;
    const { config } = this;
    const removalPolicy = REMOVAL_POLICIES[config.removalPolicy];
    const logRetention = props.logRetention ?? RetentionDays.THREE_MONTHS;
    this.#removalPolicy = removalPolicy;
    this.#logRetention = logRetention;
    const { encryptionKey } = props;
    const data = new Data(this, "Data", {
      removalPolicy,
      encryptionKey,
      capacity: config.capacity,
    });
    const { key } = data;
    const flow = new EventFlow(this, "EventFlow", { config, key, removalPolicy });
    const topic =
      props.alarmTopic ?? new Topic(this, "AlarmTopic", { masterKey: key, enforceSSL: true });
    const functions = new Functions(this, "Functions", {
      ...configuration,
      data,
      flow,
      alertTopic: topic,
      network: this.#network(props),
      metricsName: this.#metricsName(),
      logRetention,
      removalPolicy,
    });
    this.#data = data;
    this.#flow = flow;
    this.#functions = functions;
    this.alarmTopic = topic;
    this.eventBus = flow.bus;
    this.deadLetterQueue = flow.deadLetters;
    this.encryptionKey = key;
    // The return type ensures that `MonitoringTables` has a property for every table.
    const property = (variable: TableVariable): keyof MonitoringTables => tableProperty(variable);
    this.tables = forEachTable(property, (variable) => data.tables[variable]);
    this.#startBackgroundFunctions();
    this.#alarms =
      props.alarms === false
        ? undefined
        : new Alarms(this, "Alarms", { config, data, flow, functions, topic });
    const metricsDashboard =
      props.metricsDashboard === false
        ? undefined
        : new MetricsDashboard(this, "MetricsDashboard", { data, flow, functions });
    this.#attachments = new Attachments(this, {
      functions,
      realm: config.realm,
      alarms: this.#alarms,
      metricsDashboard,
      brought: { alarmTopic: props.alarmTopic, encryptionKey, vpc: props.vpc },
    });
    this.authorizerFunction = functions.authorizer;
    this.environment = this.#environment(configuration.json);
    this.ocsfBucket = this.#addOcsfExport();
    this.ipEnrichmentBucket = this.#addEnrichmentDatabases();
    this.#addWebhooks();
    this.signalsApi = config.signals && this.#addSignalsApi();
    this.#requireAdminApiForProviders();
    if (props.outputs ?? true) {
      this.#outputs = new StackOutputs(this, "Outputs");
      this.#outputs.addConfig(configuration.fileText);
      this.#outputs.add(this.#outputValues(metricsDashboard?.dashboard.dashboardName));
    }
  }

  /**
   * Protects a REST API, a resource with everything below it, or one method. A call to a protected method needs a
   * valid token with the scopes of its route. Every call is tracked, including denied ones.
   *
   * Methods that you add later are protected too. Methods with an authorizer or IAM authorization, `OPTIONS` methods
   * (CORS preflights have no token) and `except` are left unchanged. An `ANY` method also receives preflights, which
   * are then denied. To allow preflights, add an `OPTIONS` method to the resource (`defaultCorsPreflightOptions`).
   *
   * Adds to the API's own stack:
   * - an authorizer, and the permission to invoke the authorizer function;
   * - gateway responses for denied calls, unless the API has its own (`gatewayResponses`);
   * - an alarm on 5XX responses (`alarm`) and graphs on the CloudWatch dashboard (`metricsDashboard`).
   *
   * Set `gatewayResponses`, `alarm` and `metricsDashboard` in the first call for an API, because they apply to the
   * whole API. `except` applies only to the call that passes it.
   *
   * The API can be in another stack of the same account and region. The API's stack then depends on the construct's
   * stack, so a topic or key that you pass to the construct must not be defined in the API's stack. For an imported API
   * (`RestApi.fromRestApiAttributes`), only methods that this app adds are protected. Use the returned `methodOptions`
   * for other methods. The owner of the API must deploy its stage.
   *
   * A `SpecRestApi` isn't supported, because CDK can't change the methods in its OpenAPI document. Reference
   * `authorizerFunction` in the document's `x-amazon-apigateway-authorizer` instead.
   *
   * @example
   * ```typescript
   * monitoring.attach(api, { except: [health] });
   * monitoring.attach(api.root.addResource("orders"));
   * ```
   * @throws Error if the API is defined by an OpenAPI document, is in another account or region, or is in a different
   * stack that contains a resource the construct uses; or if a later call for the same API passes different options
   */
  attach(target: ProtectedTarget, options?: AttachOptions): AttachedApi;

  /**
   * Protects an HTTP API or one route with the same authorizer in payload format 2.0. Routes that you add later are
   * protected too, wherever they are defined. Routes with an authorizer or IAM authorization, `OPTIONS` routes and
   * `except` are left unchanged.
   *
   * Adds an authorizer, the permission to invoke the authorizer function, and an alarm on 5XX responses to the API's
   * own stack. Set `alarm` in the first call for an API. HTTP APIs have no gateway responses, so a denied call receives
   * API Gateway's own 401, 403 or 500: see docs/integrations.md.
   *
   * @example
   * ```typescript
   * monitoring.attach(httpApi);
   * ```
   * @throws Error if the API is in another account or region, or is in a different stack that contains a resource the
   * construct uses; or if a later call for the same API passes a different `alarm`
   */
  attach(target: ProtectedHttpTarget, options?: AttachHttpOptions): AttachedHttpApi;

  attach(
    target: ProtectedTarget | ProtectedHttpTarget,
    options: AttachOptions | AttachHttpOptions = {},
  ): AttachedApi | AttachedHttpApi {
    return isHttp(target)
      ? this.#attachments.attachHttp(target, options as AttachHttpOptions)
      : this.#attachments.attachRest(target, options as AttachOptions);
  }

  /**
   * Adds the admin API: statistics, audit log, alerts and the dashboard. All of them require the scope `oauth:admin`.
   * The API is a separate `RestApi` with an access log. The stack outputs `ApiUrl` and `DashboardUrl` contain its URLs.
   * Call this method only once.
   *
   * @example
   * ```typescript
   * monitoring.addAdminApi();
   * ```
   */
  addAdminApi(props: AdminApiProps = {}): AdminApi {
    const admin = new AdminApi(this, ADMIN_API, {
      ...props,
      config: this.config,
      functions: this.#functions,
      logRetention: this.#logRetention,
      removalPolicy: this.#removalPolicy,
    });
    const { approvalLinks } = this.config.responses;
    if (approvalLinks) {
      new ApprovalLinks(this, "ApprovalLinks", {
        settings: approvalLinks,
        functions: this.#functions,
        dashboardUrl: admin.dashboardUrl,
        removalPolicy: this.#removalPolicy,
      });
    }
    this.attach(admin.api, {
      except: [
        admin.openPage,
        ...(admin.openApproval ? [admin.openApproval] : []),
        ...admin.openProviders,
      ],
    });
    this.#outputs?.add({ ApiUrl: admin.api.url, DashboardUrl: admin.dashboardUrl });
    return admin;
  }

  /**
   * Allows an authorization server to issue tokens: `issueToken`, `storeAuthorizationCode`, `startSession`.
   *
   * @example
   * ```typescript
   * monitoring.grantIssueTokens(tokenFunction);
   * ```
   */
  grantIssueTokens(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["PutItem"] },
      AUTHORIZATION_CODES_TABLE: { table: ["PutItem"] },
      SESSIONS_TABLE: { table: ["PutItem"] },
      CREDENTIALS_TABLE: { table: ["PutItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /**
   * Allows an authorization server to revoke tokens and end sessions: `revokeToken`, `endSession`.
   *
   * @example
   * ```typescript
   * monitoring.grantRevoke(logoutFunction);
   * ```
   */
  grantRevoke(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["UpdateItem"], indexes: ["Query"], only: ["by_token_id"] },
      SESSIONS_TABLE: { table: ["DeleteItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /** Allows a function to respond to threats: `takeAction`, `approveAction`, `rejectAction`, `releaseAction`. */
  grantRespond(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, ACTING_ON_ALL).combine(this.grantPublish(grantee));
  }

  /**
   * Allows a resource server to check tokens and track how they are used: `trackTokenUsage`, `trackScopeValidation`.
   */
  grantTrackUsage(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["GetItem", "UpdateItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /**
   * Allows a function or container to authorize calls itself with `oauth-monitoring/lambda` or
   * `oauth-monitoring/node`. It also needs `environment`.
   *
   * @example
   * ```typescript
   * const api = new NodejsFunction(this, "Api", { environment: monitoring.environment });
   * monitoring.grantAuthorize(api);
   * ```
   */
  grantAuthorize(grantee: IGrantable): Grant {
    return [
      this.grantPublish(grantee),
      grantSend(grantee, this.#flow.unpublished),
      ...grantIssuers(this.#data, grantee, this.config),
      grantDpopNonces(grantee, this.config),
    ].reduce<Grant>(
      (combined, each) => (each ? combined.combine(each) : combined),
      grantTables(this.#data, grantee, AUTHORIZING),
    );
  }

  /** Allows an administrator to register clients: `registerClient`. */
  grantRegisterClients(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, { CLIENTS_TABLE: { table: ["UpdateItem"] } });
  }

  /** Allows a producer to publish events: `trackEvent` and all other tracking functions. */
  grantPublish(grantee: IGrantable): Grant {
    return grantPublish(this.#flow.bus, grantee);
  }

  /** Allows a reader to query the audit log and statistics: `queryEvents`, `tokenUsageStats`, `listClients`. */
  grantReadAudit(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      EVENTS_TABLE: { table: ["BatchGetItem", "Query"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"], indexes: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
      CLIENTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] },
    });
  }

  /**
   * Returns one of the construct's own metrics, listed in docs/operations.md.
   *
   * @param service the function that writes the metric
   * @param options the default is the sum over five minutes
   * @example
   * ```typescript
   * monitoring.metric("authorizer", "Allowed").createAlarm(this, "NoCalls", {
   *   threshold: 1,
   *   evaluationPeriods: 3,
   *   comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
   * });
   * ```
   */
  metric<S extends MetricService>(
    service: S,
    name: MetricName<S>,
    options: MetricOptions = {},
  ): Metric {
    return ownMetric(this.#functions.metricsName, service, name, options);
  }

  /** Allowed calls. */
  metricAllowed(options?: MetricOptions): Metric {
    return this.metric("authorizer", "Allowed", options);
  }

  /** Calls denied because of the token or session (401, 403). */
  metricAuthFailed(options?: MetricOptions): Metric {
    return this.metric("authorizer", "AuthFailed", options);
  }

  /** Calls denied because of missing scopes (403). */
  metricScopeViolation(options?: MetricOptions): Metric {
    return this.metric("authorizer", "ScopeViolation", options);
  }

  /** Calls denied because the authorizer couldn't decide (503). */
  metricUnavailable(options?: MetricOptions): Metric {
    return this.metric("authorizer", "Unavailable", options);
  }

  /** Duration of a decision in milliseconds. The default statistic is p99. */
  metricDecisionDuration(options?: MetricOptions): Metric {
    return this.metric("authorizer", "DecisionDuration", { statistic: "p99", ...options });
  }

  /** Stored events from all producers. */
  metricEventsStored(options?: MetricOptions): Metric {
    return this.metric("subscriber", "EventsStored", options);
  }

  /** Milliseconds from an event's occurrence until it is stored. The default statistic is p99. */
  metricEventLag(options?: MetricOptions): Metric {
    return this.metric("subscriber", "EventLag", { statistic: "p99", ...options });
  }

  /** Messages in the dead-letter queue. */
  metricDeadLetters(options?: MetricOptions): Metric {
    return this.#flow.deadLetters.metricApproximateNumberOfMessagesVisible({
      statistic: "Maximum",
      ...options,
    });
  }

  /** Creates the functions that queues and schedules invoke. */
  #startBackgroundFunctions(): void {
    for (const name of ["Subscriber", "Republisher", "Cleanup", "Anomalies"] as const) {
      this.#functions.get(name);
    }
    const transmitters = this.config.signals?.receiver?.transmitters ?? [];
    if (transmitters.some(({ poll }) => poll)) this.#functions.get("SignalPoller");
  }

  #environment(config: string): Record<string, string> {
    const tables = forEachTable(
      (variable) => variable,
      (variable) => this.#data.tables[variable].tableName,
    );
    const { ALERTS_TABLE: _, CLEANUP_RUNS_TABLE: __, ...used } = tables;
    return {
      ...used,
      EVENT_BUS_NAME: this.eventBus.eventBusName,
      UNPUBLISHED_QUEUE_URL: this.#flow.unpublished.queueUrl,
      OAUTH_MONITORING_CONFIG: config,
    };
  }

  #addOcsfExport(): Bucket | undefined {
    const { ocsfExport } = this.config;
    if (!ocsfExport) return undefined;
    const { bucket } = new OcsfExport(this, "OcsfExport", {
      parameters: ocsfExport,
      removalPolicy: this.#removalPolicy,
      logRetention: this.#logRetention,
      rules: this.#flow.rules,
      key: this.#data.key,
      transformation: this.#functions.get("OcsfExport"),
      alarmTopic: this.#alarms && this.alarmTopic,
    });
    return bucket;
  }

  #addWebhooks(): void {
    const { webhooks } = this.config.notifications;
    if (webhooks.length === 0) return;
    new Webhooks(this, "Webhooks", {
      webhooks,
      functions: this.#functions,
      bus: this.#flow.bus,
      key: this.#data.key,
      removalPolicy: this.#removalPolicy,
      alarmTopic: this.#alarms && this.alarmTopic,
    });
  }

  #requireAdminApiForProviders(): void {
    if (this.config.providers.endpoints.length === 0) return;
    const missing =
      "providers.endpoints needs the admin API, which is missing. Call addAdminApi(), or remove the key";
    this.node.addValidation({
      validate: () => (this.node.tryFindChild(ADMIN_API) ? [] : [missing]),
    });
  }

  #addEnrichmentDatabases(): Bucket | undefined {
    const { databases } = this.config.ipEnrichment;
    if (databases.length === 0) return undefined;
    const readers = [
      this.#functions.get("Subscriber"),
      ...(this.config.ocsfExport ? [this.#functions.get("OcsfExport")] : []),
    ];
    const { bucket } = new EnrichmentDatabases(this, "EnrichmentDatabases", {
      databases,
      key: this.#data.key,
      removalPolicy: this.#removalPolicy,
      readers,
    });
    for (const reader of readers) reader.addEnvironment("IP_ENRICHMENT_BUCKET", bucket.bucketName);
    return bucket;
  }

  #addSignalsApi(): HttpApi {
    const signals = new SignalsApi(this, "SignalsApi", {
      config: this.config,
      functions: this.#functions,
      logRetention: this.#logRetention,
      removalPolicy: this.#removalPolicy,
    });
    const { transmitter } = this.config.signals ?? {};
    if (transmitter) {
      new SignalTransmitter(this, "SignalTransmitter", {
        settings: transmitter,
        functions: this.#functions,
        bus: this.#flow.bus,
        key: this.#data.key,
        removalPolicy: this.#removalPolicy,
        issuer: transmitter.issuer ?? signals.api.apiEndpoint,
        alarmTopic: this.#alarms && this.alarmTopic,
      });
      signals.addTransmitter();
      this.attach(signals.api, { except: signals.open });
    } else {
      this.#alarms?.watchHttpApi(signals, signals.api as IHttpApi);
    }
    return signals.api;
  }

  /** Returns the subnets and security groups of the functions, from the properties or else from the configuration. */
  #network({ vpc, vpcSubnets, securityGroups }: OAuthMonitoringProps): FunctionNetwork | undefined {
    if (!vpc) return this.config.functions.vpc;
    const groups = securityGroups ?? [
      new SecurityGroup(this, "SecurityGroup", {
        vpc,
        description: "OAuth monitoring functions: outbound only",
      }),
    ];
    return {
      subnetIds: vpc.selectSubnets(vpcSubnets).subnetIds,
      securityGroupIds: groups.map(({ securityGroupId }) => securityGroupId),
    };
  }

  /** Returns a metric dimension that is unique for each stack and construct. */
  #metricsName(): string {
    const stack = Stack.of(this);
    const inStack = this.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
    return [stack.stackName, ...inStack].join("/");
  }

  #outputValues(dashboardName: string | undefined): Record<string, string> {
    const flow = this.#flow;
    const { region } = Stack.of(this);
    return {
      EventBusName: flow.bus.eventBusName,
      EventBusArn: flow.bus.eventBusArn,
      ...(flow.archive && { ArchiveArn: flow.archive.archiveArn }),
      StoredRuleArn: flow.stored.ruleArn,
      UnpublishedQueueUrl: flow.unpublished.queueUrl,
      UnpublishedQueueArn: flow.unpublished.queueArn,
      UnpublishableQueueUrl: flow.unpublishable.queueUrl,
      UnpublishableQueueArn: flow.unpublishable.queueArn,
      BufferQueueUrl: flow.buffer.queueUrl,
      BufferQueueArn: flow.buffer.queueArn,
      DeadLetterQueueUrl: flow.deadLetters.queueUrl,
      DeadLetterQueueArn: flow.deadLetters.queueArn,
      AlarmTopicArn: this.alarmTopic.topicArn,
      ...(dashboardName && {
        MetricsDashboardUrl: `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboardName}`,
      }),
      ...(this.signalsApi && { SignalsApiUrl: this.signalsApi.apiEndpoint }),
      ...(this.ocsfBucket && { OcsfBucketName: this.ocsfBucket.bucketName }),
      ...(this.ipEnrichmentBucket && {
        IpEnrichmentBucketName: this.ipEnrichmentBucket.bucketName,
      }),
      ...forEachTable(
        (variable) => `${tableConstructId(variable)}Table`,
        (variable) => this.#data.tables[variable].tableName,
      ),
    };
  }
}

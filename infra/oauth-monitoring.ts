import { type RemovalPolicy, Resource, Stack } from "aws-cdk-lib";
import {
  AuthorizationType,
  type CfnRestApi,
  type IAuthorizer,
  type IResource,
  type IRestApi,
  type Method,
  type MethodOptions,
  type ResourceBase,
  type RestApiBase,
} from "aws-cdk-lib/aws-apigateway";
import type {
  HttpApi,
  HttpRoute,
  IHttpApi,
  IHttpRoute,
  IHttpRouteAuthorizer,
} from "aws-cdk-lib/aws-apigatewayv2";
import type { Metric, MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { SecurityGroup } from "aws-cdk-lib/aws-ec2";
import type { EventBus } from "aws-cdk-lib/aws-events";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct, type IConstruct } from "constructs";
import type { MonitoringConfig } from "../shared/config/monitoring-config.ts";
import {
  forEachTable,
  type TableVariable,
  tableConstructId,
  tableProperty,
} from "../shared/core/tables.ts";
import type { MetricName, MetricService } from "../shared/core/telemetry.ts";
import { AdminApi, type AdminApiProps } from "./constructs/admin-api.ts";
import { Alarms, type ServerErrorsThreshold } from "./constructs/alarms.ts";
import { ApiProtection } from "./constructs/api-protection.ts";
import { ApprovalLinks } from "./constructs/approval-links.ts";
import { Data, REMOVAL_POLICY_OF } from "./constructs/data.ts";
import { EventFlow } from "./constructs/event-flow.ts";
import { type FunctionNetwork, Functions } from "./constructs/functions.ts";
import {
  ACTING_ON_ALL,
  grantDpopNonces,
  grantIssuers,
  grantPublish,
  grantTables,
} from "./constructs/grants.ts";
import { HttpApiProtection } from "./constructs/http-api-protection.ts";
import { MetricsDashboard } from "./constructs/metrics-dashboard.ts";
import { OcsfExport } from "./constructs/ocsf-export.ts";
import { OriginDatabases } from "./constructs/origin-databases.ts";
import { ownMetric } from "./constructs/own-metrics.ts";
import { type GatewayResponseOptions, ProblemResponses } from "./constructs/problem-responses.ts";
import { Schedules } from "./constructs/schedules.ts";
import { SignalTransmitter } from "./constructs/signal-transmitter.ts";
import { SignalsApi } from "./constructs/signals-api.ts";
import { StackOutputs } from "./constructs/stack-outputs.ts";
import { Webhooks } from "./constructs/webhooks.ts";
import { configOf, type OAuthMonitoringProps } from "./oauth-monitoring-props.ts";

/** REST API targets of `attach`: an API, a resource with everything below it, or a method. */
export type ProtectedTarget = IRestApi | RestApiBase | IResource | ResourceBase | Method;

/** Options of `attach` for a REST API. */
export interface AttachOptions {
  /**
   * Methods to leave unprotected. A resource includes everything below it.
   *
   * @default - none
   */
  readonly except?: readonly (Method | IResource | ResourceBase)[];

  /**
   * Whether to add gateway responses that turn denied calls into problem documents (RFC 9457) with `WWW-Authenticate`
   * (RFC 6750). Gateway responses that the API already has are left unchanged. The added responses use the headers of
   * the API's `DEFAULT_4XX` and `DEFAULT_5XX`, or else the API's CORS headers.
   *
   * @default - true; false for an imported API
   */
  readonly gatewayResponses?: boolean | GatewayResponseOptions;

  /**
   * Whether to add an alarm on the API's 5XX responses, or the alarm's threshold.
   *
   * @default - true; false for an imported API, and if the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;

  /**
   * Whether to show the API on the CloudWatch dashboard.
   *
   * @default - true; false for an imported API, and if the construct has no dashboard
   */
  readonly metricsDashboard?: boolean;
}

/** HTTP API targets of `attach`: an API or one route. */
export type ProtectedHttpTarget = IHttpApi | HttpApi | IHttpRoute | HttpRoute;

/** Options of `attach` for an HTTP API. */
export interface AttachHttpOptions {
  /**
   * Routes to leave unprotected.
   *
   * @default - none
   */
  readonly except?: readonly (IHttpRoute | HttpRoute)[];

  /**
   * Whether to add an alarm on the API's 5XX responses, or the alarm's threshold.
   *
   * @default - true; false for an imported API, and if the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;
}

/** An HTTP API behind the authorizer. */
export interface AttachedHttpApi {
  /** The authorizer, for routes that you want to protect yourself. */
  readonly authorizer: IHttpRouteAuthorizer;
}

/** Whether a target is an HTTP API or one of its routes. */
function isHttp(target: ProtectedTarget | ProtectedHttpTarget): target is ProtectedHttpTarget {
  return "httpApi" in target || "isHttpApi" in target || "httpApiId" in target;
}

/** Construct ID of the admin API. */
const ADMIN_API = "AdminApi";

/** Options of `attach` that apply to the whole API. */
const API_OPTIONS = ["gatewayResponses", "alarm", "metricsDashboard"] as const;

/** A REST API behind the authorizer. */
export interface AttachedApi {
  /** The authorizer, for methods that you want to protect yourself. */
  readonly authorizer: IAuthorizer;
  /** Options for methods that you add to an imported API. They set the authorizer. */
  readonly methodOptions: MethodOptions;
}

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
  readonly holdings: Table;
  /** Actions that were taken against principals or await approval. */
  readonly actions: Table;
  /** The deny list: the blocks and revocations that all adapters check. */
  readonly restrictions: Table;
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
  readonly originsBucket: Bucket | undefined;
  /** The Shared Signals API. Undefined unless the configuration contains `signals`. */
  readonly signalsApi: HttpApi | undefined;
  /** The authorizer function, for APIs that `attach` doesn't support. Grant API Gateway permission to invoke it. */
  readonly authorizerFunction: IFunction;
  /**
   * Environment variables for `openMonitoring` of `oauth-monitoring/sdk` and for the middlewares of
   * `oauth-monitoring/lambda` and `oauth-monitoring/node`. Set them on your function or container. They contain no
   * secrets, and use up to 3.7 KB of Lambda's 4 KB limit.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Resources that the app passed to the construct, by property. */
  readonly #brought: Readonly<Record<string, IConstruct | undefined>>;
  readonly #data: Data;
  readonly #flow: EventFlow;
  readonly #functions: Functions;
  readonly #alarms: Alarms | undefined;
  readonly #metricsDashboard: MetricsDashboard | undefined;
  readonly #outputs: StackOutputs | undefined;
  readonly #logRetention: RetentionDays;
  readonly #removalPolicy: RemovalPolicy;
  readonly #attached = new Map<IRestApi, ApiProtection>();
  readonly #firstOptions = new Map<IRestApi, AttachOptions>();
  readonly #attachedHttp = new Map<
    IHttpApi,
    { protection: HttpApiProtection; alarm: boolean | ServerErrorsThreshold }
  >();

  constructor(scope: Construct, id: string, props: OAuthMonitoringProps = {}) {
    super(scope, id);
    this.config = configOf(props);
    const { config } = this;
    const removalPolicy = REMOVAL_POLICY_OF[config.removalPolicy];
    const logRetention = props.logRetention ?? RetentionDays.THREE_MONTHS;
    this.#removalPolicy = removalPolicy;
    this.#logRetention = logRetention;
    const data = new Data(this, "Data", {
      removalPolicy,
      encryptionKey: props.encryptionKey,
      capacity: config.capacity,
    });
    const { key } = data;
    const flow = new EventFlow(this, "EventFlow", { config, key, removalPolicy });
    this.alarmTopic =
      props.alarmTopic ?? new Topic(this, "AlarmTopic", { masterKey: key, enforceSSL: true });
    const functions = new Functions(this, "Functions", {
      config,
      data,
      flow,
      alertTopic: this.alarmTopic,
      network: this.#network(props),
      metricsName: this.#metricsName(),
      logRetention,
      removalPolicy,
    });
    functions.consumeQueues();
    new Schedules(this, "Schedules", {
      config,
      cleanup: functions.get("Cleanup"),
      anomalies: functions.get("Anomalies"),
      signalPoller: config.signals?.receiver?.transmitters.some(({ poll }) => poll)
        ? functions.get("SignalPoller")
        : undefined,
    });
    if (props.alarms ?? true) {
      const topic = this.alarmTopic;
      this.#alarms = new Alarms(this, "Alarms", { config, data, flow, functions, topic });
    }
    if (props.metricsDashboard ?? true) {
      this.#metricsDashboard = new MetricsDashboard(this, "MetricsDashboard", {
        data,
        flow,
        functions,
      });
    }
    this.ocsfBucket =
      config.ocsfExport &&
      new OcsfExport(this, "OcsfExport", {
        parameters: config.ocsfExport,
        removalPolicy,
        logRetention,
        rules: flow.rules,
        key,
        transformation: functions.get("OcsfExport"),
        alarmTopic: props.alarms === false ? undefined : this.alarmTopic,
      }).bucket;
    this.#brought = {
      alarmTopic: props.alarmTopic,
      encryptionKey: props.encryptionKey,
      vpc: props.vpc,
    };
    this.#data = data;
    this.#flow = flow;
    this.#functions = functions;
    this.originsBucket = this.#addOriginDatabases(key, removalPolicy);
    // The return type ensures that `MonitoringTables` has a property for every table.
    const property = (variable: TableVariable): keyof MonitoringTables => tableProperty(variable);
    this.tables = forEachTable(property, (variable) => data.tables[variable]);
    this.eventBus = flow.bus;
    this.deadLetterQueue = flow.deadLetters;
    this.encryptionKey = key;
    this.authorizerFunction = functions.authorizer;
    this.environment = {
      TOKENS_TABLE: this.tables.tokens.tableName,
      AUTHORIZATION_CODES_TABLE: this.tables.authorizationCodes.tableName,
      SESSIONS_TABLE: this.tables.sessions.tableName,
      CLIENTS_TABLE: this.tables.clients.tableName,
      EVENTS_TABLE: this.tables.events.tableName,
      COUNTERS_TABLE: this.tables.counters.tableName,
      ISSUANCES_TABLE: this.tables.issuances.tableName,
      HOLDINGS_TABLE: this.tables.holdings.tableName,
      ACTIONS_TABLE: this.tables.actions.tableName,
      RESTRICTIONS_TABLE: this.tables.restrictions.tableName,
      EVENT_BUS_NAME: this.eventBus.eventBusName,
      UNPUBLISHED_QUEUE_URL: flow.unpublished.queueUrl,
      OAUTH_MONITORING_CONFIG: functions.configVariable,
    };
    if (config.notifications.webhooks.length > 0) {
      new Webhooks(this, "Webhooks", {
        webhooks: config.notifications.webhooks,
        functions,
        bus: flow.bus,
        key,
        removalPolicy,
        alarmTopic: this.#alarms && this.alarmTopic,
      });
    }
    this.signalsApi = config.signals && this.#addSignalsApi();
    if (config.providers.endpoints.length > 0) {
      this.node.addValidation({
        validate: () =>
          this.node.tryFindChild(ADMIN_API)
            ? []
            : [
                "providers.endpoints needs the admin API, which is missing. Call addAdminApi(), or remove the key",
              ],
      });
    }
    if (props.outputs ?? true) {
      this.#outputs = new StackOutputs(this, "Outputs");
      this.#addOutputs(this.#outputs);
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
      ? this.#attachHttp(target, options as AttachHttpOptions)
      : this.#attachRest(target, options as AttachOptions);
  }

  #attachHttp(target: ProtectedHttpTarget, options: AttachHttpOptions): AttachedHttpApi {
    const isRoute = "httpApi" in target;
    const api = (isRoute ? target.httpApi : target) as IHttpApi;
    const protection = this.#httpProtectionOf(api, options);
    if (isRoute) protection.protectRoute(target as IHttpRoute);
    else protection.protectAll(options.except ?? []);
    return { authorizer: protection.authorizer };
  }

  #httpProtectionOf(api: IHttpApi, options: AttachHttpOptions): HttpApiProtection {
    const known = this.#attachedHttp.get(api);
    if (known) {
      if (JSON.stringify(options.alarm ?? known.alarm) !== JSON.stringify(known.alarm)) {
        throw new Error(
          `${api.node.path} is already attached. Set alarm in the first attach call of this API`,
        );
      }
      return known.protection;
    }
    this.#checkStacks(api);
    const scope = new Construct(api, `OAuthMonitoring${this.node.addr.slice(-8)}`);
    const protection = new HttpApiProtection(scope, "Protection", {
      api,
      authorizerFunctionArn: this.#functions.authorizer.functionArn,
    });
    const alarm = options.alarm ?? Resource.isOwnedResource(api);
    this.#attachedHttp.set(api, { protection, alarm });
    if (alarm) this.#alarms?.watchHttpApi(scope, api, alarm === true ? {} : alarm);
    return protection;
  }

  #attachRest(target: ProtectedTarget, options: AttachOptions): AttachedApi {
    const api = ("restApiRootResourceId" in target ? target : target.api) as IRestApi;
    this.#checkOptions(api, options);
    const protection = this.#protectionOf(api, options);
    protection.protect(target, options.except ?? []);
    const { authorizer } = protection;
    return {
      authorizer,
      methodOptions: { authorizer, authorizationType: AuthorizationType.CUSTOM },
    };
  }

  /**
   * Adds the admin API: statistics, audit log, alerts and the dashboard. All of them require the scope `oauth:admin`.
   * The API is a separate `RestApi` with an access log. The stack outputs `ApiUrl` and `DashboardUrl` contain its URLs.
   * Call this method only once.
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

  #addOriginDatabases(key: IKey, removalPolicy: RemovalPolicy): Bucket | undefined {
    const { databases } = this.config.origins;
    if (databases.length === 0) return undefined;
    const readers = [
      this.#functions.get("Subscriber"),
      ...(this.config.ocsfExport ? [this.#functions.get("OcsfExport")] : []),
    ];
    const { bucket } = new OriginDatabases(this, "OriginDatabases", {
      databases,
      key,
      removalPolicy,
      readers,
    });
    for (const reader of readers) reader.addEnvironment("ORIGINS_BUCKET", bucket.bucketName);
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

  /** Allows an authorization server to issue tokens: `issueToken`, `storeAuthorizationCode`, `startSession`. */
  grantIssueTokens(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["PutItem"] },
      AUTHORIZATION_CODES_TABLE: { table: ["PutItem"] },
      SESSIONS_TABLE: { table: ["PutItem"] },
      HOLDINGS_TABLE: { table: ["PutItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /** Allows an authorization server to revoke tokens and end sessions: `revokeToken`, `endSession`. */
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
   */
  grantAuthorize(grantee: IGrantable): Grant {
    const tables = grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["GetItem", "UpdateItem"] },
      SESSIONS_TABLE: { table: ["GetItem"] },
      HOLDINGS_TABLE: { table: ["PutItem"] },
      RESTRICTIONS_TABLE: { table: ["GetItem", "Query"] },
    });
    const queue = Grant.addToPrincipal({
      grantee,
      actions: ["sqs:SendMessage"],
      resourceArns: [this.#flow.unpublished.queueArn],
    });
    const issuers = grantIssuers(this.#data, grantee, this.config);
    const nonces = grantDpopNonces(grantee, this.config);
    return [this.grantPublish(grantee), queue, ...issuers, ...nonces].reduce(
      (all, each) => all.combine(each),
      tables,
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

  /** @throws Error if the API is already attached with different options */
  #checkOptions(api: IRestApi, options: AttachOptions): void {
    const first = this.#firstOptions.get(api);
    if (!first) {
      this.#firstOptions.set(api, options);
      return;
    }
    const ignored = API_OPTIONS.find(
      (name) =>
        options[name] !== undefined &&
        JSON.stringify(options[name]) !== JSON.stringify(first[name]),
    );
    if (ignored) {
      throw new Error(
        `${api.node.path} is already attached. Set ${ignored} in the first attach call of this API`,
      );
    }
  }

  #protectionOf(api: IRestApi, options: AttachOptions): ApiProtection {
    const known = this.#attached.get(api);
    if (known) return known;
    const { body, bodyS3Location } = (api.node.defaultChild ?? {}) as Partial<CfnRestApi>;
    if (body !== undefined || bodyS3Location !== undefined) {
      throw new Error(
        `${api.node.path} is defined by an OpenAPI document, so attach cannot protect its methods. Reference the construct's authorizerFunction in the document's x-amazon-apigateway-authorizer`,
      );
    }
    this.#checkStacks(api);
    // Created in the API's scope, because the API may be in a different stack, which must depend on this stack and not
    // the reverse.
    const scope = new Construct(api, `OAuthMonitoring${this.node.addr.slice(-8)}`);
    const protection = new ApiProtection(scope, "Protection", {
      api,
      authorizerFunctionArn: this.#functions.authorizer.functionArn,
    });
    this.#attached.set(api, protection);
    // An imported API isn't a resource of this app.
    const isOurs = Resource.isOwnedResource(api);
    const responses = options.gatewayResponses ?? isOurs;
    if (responses) {
      new ProblemResponses(scope, "Responses", {
        ...(responses === true ? {} : responses),
        api,
        realm: this.config.realm,
      });
    }
    const alarm = options.alarm ?? isOurs;
    if (alarm) this.#alarms?.watchApi(scope, api, alarm === true ? {} : alarm);
    if (options.metricsDashboard ?? isOurs) this.#metricsDashboard?.addApi(api);
    return protection;
  }

  /**
   * @throws Error if the API's stack can't depend on the construct's stack: the API's stack is in another account or
   * region, or the construct's stack depends on it
   */
  #checkStacks(api: IRestApi | IHttpApi): void {
    const ours = Stack.of(this);
    const theirs = Stack.of(api);
    if (theirs === ours) return;
    if (theirs.environment !== ours.environment) {
      throw new Error(
        `${api.node.path} is deployed to ${theirs.environment} and ${this.node.path} to ${ours.environment}: API Gateway needs the authorizer in its own account and region. Give both stacks the same env, or deploy a separate OAuthMonitoring in that account and region. docs/attach.md explains how to collect their events in one audit log`,
      );
    }
    for (const [name, given] of Object.entries(this.#brought)) {
      if (given && Stack.of(given) === theirs && Resource.isOwnedResource(given)) {
        throw new Error(
          `${given.node.path}, the ${name} of ${this.node.path}, is in the stack of ${api.node.path}, so the two stacks would depend on each other. Move it to the stack ${ours.node.path} or to a separate stack, or import it there by its ARN or id`,
        );
      }
    }
  }

  /** Returns the subnets and security groups of the functions, from the properties or else from the configuration. */
  #network({ vpc, vpcSubnets, securityGroups }: OAuthMonitoringProps): FunctionNetwork | undefined {
    if (!vpc) return this.config.functions.vpc;
    const groups = securityGroups ?? [
      new SecurityGroup(this, "SecurityGroup", {
        vpc,
        description: "OAuth monitoring functions: outwards only",
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

  #addOutputs(outputs: StackOutputs): void {
    const flow = this.#flow;
    const { region } = Stack.of(this);
    const dashboardName = this.#metricsDashboard?.dashboard.dashboardName;
    outputs.add({
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
      CleanupFunctionName: this.#functions.get("Cleanup").functionName,
      ...(this.signalsApi && { SignalsApiUrl: this.signalsApi.apiEndpoint }),
      ...(this.ocsfBucket && { OcsfBucketName: this.ocsfBucket.bucketName }),
      ...(this.originsBucket && { OriginsBucketName: this.originsBucket.bucketName }),
      ...forEachTable(
        (variable) => `${tableConstructId(variable)}Table`,
        (variable) => this.#data.tables[variable].tableName,
      ),
    });
  }
}

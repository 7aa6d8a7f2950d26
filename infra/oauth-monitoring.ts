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
import type { MetricName, MetricService } from "../shared/core/metric-names.ts";
import {
  forEachTable,
  type TableVariable,
  tableConstructId,
  tableProperty,
} from "../shared/core/table-names.ts";
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

/** What `attach` can protect: an API, a resource with everything below it, or a method. */
export type ProtectedTarget = IRestApi | RestApiBase | IResource | ResourceBase | Method;

/** What `attach` adds to an API, and what it leaves alone. */
export interface AttachOptions {
  /**
   * Methods, or resources with everything below them, that stay open.
   *
   * @default - none
   */
  readonly except?: readonly (Method | IResource | ResourceBase)[];

  /**
   * Whether the API answers refused calls with problem documents (RFC 9457) and `WWW-Authenticate`
   * (RFC 6750), and how. Gateway responses that the API has already stay as they are; ours take over the
   * headers of its `DEFAULT_4XX` and `DEFAULT_5XX`, or else its CORS headers.
   *
   * @default - true; false for an imported API
   */
  readonly gatewayResponses?: boolean | GatewayResponseOptions;

  /**
   * Whether an alarm watches the API's 5XX answers, and from which share of all answers it goes off.
   *
   * @default - true; false for an imported API, and when the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;

  /**
   * Whether the CloudWatch dashboard shows the API.
   *
   * @default - true; false for an imported API, and when the construct has no dashboard
   */
  readonly metricsDashboard?: boolean;
}

/** What `attach` can protect of an HTTP API: the API, or one route. */
export type ProtectedHttpTarget = IHttpApi | HttpApi | IHttpRoute | HttpRoute;

/** What `attach` adds to an HTTP API, and what it leaves alone. */
export interface AttachHttpOptions {
  /**
   * Routes that stay open.
   *
   * @default - none
   */
  readonly except?: readonly (IHttpRoute | HttpRoute)[];

  /**
   * Whether an alarm watches the API's 5XX answers, and from which share of all answers it goes off.
   *
   * @default - true; false for an imported API, and when the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;
}

/** An HTTP API behind the authorizer. */
export interface AttachedHttpApi {
  /** The authorizer, for routes that you protect by hand. */
  readonly authorizer: IHttpRouteAuthorizer;
}

/** Whether a target is an HTTP API or its route. */
function isHttp(target: ProtectedTarget | ProtectedHttpTarget): target is ProtectedHttpTarget {
  return "httpApi" in target || "isHttpApi" in target || "httpApiId" in target;
}

/** The id of the construct of the admin API. */
const ADMIN_API = "AdminApi";

/** The options of `attach` that concern the API as a whole. */
const API_OPTIONS = ["gatewayResponses", "alarm", "metricsDashboard"] as const;

/** An API behind the authorizer. */
export interface AttachedApi {
  /** The authorizer, for methods that you define by hand. */
  readonly authorizer: IAuthorizer;
  /** Options that protect one method, for methods of an imported API. */
  readonly methodOptions: MethodOptions;
}

/** The tables, for access beyond the construct's own grants. */
export interface MonitoringTables {
  /** Access tokens, by the digest of their secret. */
  readonly tokens: Table;
  /** Authorization codes, by their digest. */
  readonly authorizationCodes: Table;
  /** Sessions, by the digest of their id. */
  readonly sessions: Table;
  /** OAuth clients, by id. */
  readonly clients: Table;
  /** The audit log, by event id. */
  readonly events: Table;
  /** What statistics are computed from. */
  readonly counters: Table;
  /** When each token was issued, expires and was revoked. */
  readonly issuances: Table;
  /** What each cleanup did. */
  readonly cleanupRuns: Table;
  /** Anomalies that were found, and mutes. */
  readonly alerts: Table;
  /** Tokens and sessions, by user and client. */
  readonly holdings: Table;
  /** What was done against whom, and what waits for approval. */
  readonly actions: Table;
  /** The blocks and revocations that every adapter reads. */
  readonly restrictions: Table;
}

/**
 * OAuth monitoring for APIs: an authorizer, an audit log, statistics, the detection of anomalies, and the
 * cleanup of expired data.
 *
 * It creates twelve DynamoDB tables, an event bus with its archive, four queues, the functions and their
 * schedules, a key, a topic, and (unless you switch them off) alarms and a CloudWatch dashboard. The stack's
 * outputs let `oauth-monitoring --stack NAME` find it.
 *
 * @example
 * ```typescript
 * const monitoring = new OAuthMonitoring(this, "Monitoring");
 * monitoring.attach(api);
 * ```
 * @throws InvalidConfigError when a property is not valid, with its path and how to fix it
 */
export class OAuthMonitoring extends Construct {
  /** The configuration with every default filled in. */
  readonly config: MonitoringConfig;
  /** The twelve tables. */
  readonly tables: MonitoringTables;
  /** Where producers publish events. */
  readonly eventBus: EventBus;
  /** Messages that could not be stored. */
  readonly deadLetterQueue: Queue;
  /** Encrypts tables, queues and the bus's archive. */
  readonly encryptionKey: IKey;
  /** Where alarms and alerts go. */
  readonly alarmTopic: ITopic;
  /** The exported events; undefined unless the configuration enables the OCSF export. */
  readonly ocsfBucket: Bucket | undefined;
  /** The databases of origins; undefined unless the configuration names some. */
  readonly originsBucket: Bucket | undefined;
  /** The API of Shared Signals; undefined unless the configuration has `signals`. */
  readonly signalsApi: HttpApi | undefined;
  /** The authorizer, for an API that `attach` cannot take. API Gateway needs leave to call it. */
  readonly authorizerFunction: IFunction;
  /**
   * What `openMonitoring` of `oauth-monitoring/shared` and the middlewares of `oauth-monitoring/lambda` and
   * `oauth-monitoring/node` read, for the environment of a function or a container. It holds names and a
   * queue's address, no secrets, and takes up to 3.7 of Lambda's 4 KB.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** What the app gave the construct, by the property. */
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
      previousEventsTable: config.previousEventsTable,
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
    // The return type makes the interface name every table.
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
                "providers.endpoints are paths of the admin API, which is missing: call addAdminApi(), or remove the key",
              ],
      });
    }
    if (props.outputs ?? true) {
      this.#outputs = new StackOutputs(this, "Outputs");
      this.#addOutputs(this.#outputs);
    }
  }

  /**
   * Protects a whole API, a resource with everything below it, or one method. Every call to a protected
   * method needs a good token with the scopes of its route. Every call is tracked, refused ones too.
   *
   * Methods that you add later are protected as well. It leaves alone methods that have an authorizer or IAM
   * authorization, `OPTIONS` methods (a CORS preflight carries no token) and `except`. An `ANY` method
   * answers preflights itself and is protected as a whole: give the resource an `OPTIONS` method
   * (`defaultCorsPreflightOptions`) to keep preflights open.
   *
   * It adds to the API, in the API's own stack:
   * - an authorizer, and the permission to call the authorizer function;
   * - gateway responses for refused calls, unless the API has its own (`gatewayResponses`);
   * - an alarm on 5XX answers (`alarm`) and a place on the CloudWatch dashboard (`metricsDashboard`).
   *
   * Give `gatewayResponses`, `alarm` and `metricsDashboard` in the first call for an API; they concern the
   * whole API. `except` concerns only the call that has it.
   *
   * The API may be in another stack of the same account and region, which then depends on this one; the
   * construct's topic and key must not be in that stack. For an
   * imported API (`RestApi.fromRestApiAttributes`), it protects the methods that this app adds; give other
   * methods the returned `methodOptions`. The owner of the API must deploy its stage.
   *
   * A `SpecRestApi` is refused: its methods are in the OpenAPI document, where CDK cannot change them. Name
   * `authorizerFunction` there, in `x-amazon-apigateway-authorizer`.
   *
   * @example
   * ```typescript
   * monitoring.attach(api, { except: [health] });
   * monitoring.attach(api.root.addResource("orders"));
   * ```
   * @throws Error for an API that an OpenAPI document defines or that is in another account or region, when what
   * the construct uses is in the API's stack, and when a later call for an API has other options than the first
   */
  attach(target: ProtectedTarget, options?: AttachOptions): AttachedApi;

  /**
   * Protects a whole HTTP API, or one route, by the same authorizer in payload format 2.0. Routes that you add
   * later are protected as well, wherever in the app they are. It leaves alone routes that have an authorizer
   * or IAM authorization, `OPTIONS` routes and `except`.
   *
   * It adds to the API, in the API's own stack, an authorizer, the permission to call the authorizer function,
   * and an alarm on 5XX answers (`alarm`, which counts in the first call for an API). An HTTP API has no gateway
   * responses, so a refused call gets 401, 403 or 500 in API Gateway's own words: docs/integrations.md.
   *
   * @example
   * ```typescript
   * monitoring.attach(httpApi);
   * ```
   * @throws Error for an API in another account or region, when what the construct uses is in the API's stack,
   * and when a later call for an API has another `alarm` than the first
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
          `${api.node.path} is attached already: give alarm in the first attach of the API`,
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
   * Adds the admin API: statistics, audit log, alerts and the dashboard, which need the scope `oauth:admin`.
   * It is a `RestApi` of its own with an access log. The outputs `ApiUrl` and `DashboardUrl` name its
   * addresses. Call it once.
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

  /** Lets an authorization server issue tokens: `issueToken`, `storeAuthorizationCode`, `startSession`. */
  grantIssueTokens(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["PutItem"] },
      AUTHORIZATION_CODES_TABLE: { table: ["PutItem"] },
      SESSIONS_TABLE: { table: ["PutItem"] },
      HOLDINGS_TABLE: { table: ["PutItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /** Lets an authorization server revoke tokens and end sessions: `revokeToken`, `endSession`. */
  grantRevoke(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["UpdateItem"], indexes: ["Query"], only: ["by_token_id"] },
      SESSIONS_TABLE: { table: ["DeleteItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /** Lets a function act: `takeAction`, `approveAction`, `rejectAction`, `releaseAction`. */
  grantRespond(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, ACTING_ON_ALL).combine(this.grantPublish(grantee));
  }

  /** Lets a resource server check tokens and track their use: `trackTokenUsage`, `trackScopeValidation`. */
  grantTrackUsage(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      TOKENS_TABLE: { table: ["GetItem", "UpdateItem"] },
    }).combine(this.grantPublish(grantee));
  }

  /**
   * Lets a function or a container decide about calls itself, by `oauth-monitoring/lambda` or
   * `oauth-monitoring/node`. It needs `environment` as well.
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

  /** Lets an administrator name clients: `registerClient`. */
  grantRegisterClients(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, { CLIENTS_TABLE: { table: ["UpdateItem"] } });
  }

  /** Lets a producer put events on the bus: `trackEvent` and everything that tracks. */
  grantPublish(grantee: IGrantable): Grant {
    return grantPublish(this.#flow.bus, grantee);
  }

  /** Lets a reader see the audit log and the statistics: `queryEvents`, `tokenUsageStats`, `listClients`. */
  grantReadAudit(grantee: IGrantable): Grant {
    return grantTables(this.#data, grantee, {
      EVENTS_TABLE: { table: ["BatchGetItem", "Query"], indexes: ["Query"] },
      COUNTERS_TABLE: { table: ["Query"], indexes: ["Query"] },
      ISSUANCES_TABLE: { indexes: ["Query"] },
      CLIENTS_TABLE: { table: ["BatchGetItem"], indexes: ["Query"] },
    });
  }

  /**
   * One of the construct's own metrics, by the function that writes it; docs/operations.md lists them.
   *
   * @param options default: the sum of five minutes
   */
  metric<S extends MetricService>(
    service: S,
    name: MetricName<S>,
    options: MetricOptions = {},
  ): Metric {
    return ownMetric(this.#functions.metricsName, service, name, options);
  }

  /** Calls that were let in. */
  metricAllowed(options?: MetricOptions): Metric {
    return this.metric("authorizer", "Allowed", options);
  }

  /** Calls refused for their token or session (401, 403). */
  metricAuthFailed(options?: MetricOptions): Metric {
    return this.metric("authorizer", "AuthFailed", options);
  }

  /** Calls refused for their scopes (403). */
  metricScopeViolation(options?: MetricOptions): Metric {
    return this.metric("authorizer", "ScopeViolation", options);
  }

  /** Calls refused because the authorizer could not decide (503). */
  metricUnavailable(options?: MetricOptions): Metric {
    return this.metric("authorizer", "Unavailable", options);
  }

  /** Milliseconds to a decision; by default their 99th percentile. */
  metricDecisionDuration(options?: MetricOptions): Metric {
    return this.metric("authorizer", "DecisionDuration", { statistic: "p99", ...options });
  }

  /** Events stored, of every producer. */
  metricEventsStored(options?: MetricOptions): Metric {
    return this.metric("subscriber", "EventsStored", options);
  }

  /** Milliseconds from an event to its storage; by default their 99th percentile. */
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

  /** @throws Error when the API is attached already, with other options */
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
        `${api.node.path} is attached already: give ${ignored} in the first attach of the API`,
      );
    }
  }

  #protectionOf(api: IRestApi, options: AttachOptions): ApiProtection {
    const known = this.#attached.get(api);
    if (known) return known;
    const { body, bodyS3Location } = (api.node.defaultChild ?? {}) as Partial<CfnRestApi>;
    if (body !== undefined || bodyS3Location !== undefined) {
      throw new Error(
        `${api.node.path} is defined by an OpenAPI document, whose methods cannot be protected from here: name the construct's authorizerFunction in the document's x-amazon-apigateway-authorizer`,
      );
    }
    this.#checkStacks(api);
    // In the API's scope: the API may be in another stack, and that stack must depend on this one.
    const scope = new Construct(api, `OAuthMonitoring${this.node.addr.slice(-8)}`);
    const protection = new ApiProtection(scope, "Protection", {
      api,
      authorizerFunctionArn: this.#functions.authorizer.functionArn,
    });
    this.#attached.set(api, protection);
    // An imported API has no resource in this app.
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
   * @throws Error when the stack of the API cannot depend on the construct's: it is deployed elsewhere, or the
   * construct's stack depends on it
   */
  #checkStacks(api: IRestApi | IHttpApi): void {
    const ours = Stack.of(this);
    const theirs = Stack.of(api);
    if (theirs === ours) return;
    if (theirs.environment !== ours.environment) {
      throw new Error(
        `${api.node.path} is deployed to ${theirs.environment} and ${this.node.path} to ${ours.environment}: API Gateway needs the authorizer in its own account and region. Give both stacks the same env, or give that account and region an OAuthMonitoring of its own; docs/attach.md says how to gather events of several in one audit log`,
      );
    }
    for (const [name, given] of Object.entries(this.#brought)) {
      if (given && Stack.of(given) === theirs && Resource.isOwnedResource(given)) {
        throw new Error(
          `${given.node.path}, the ${name} of ${this.node.path}, is in the stack of ${api.node.path}, and the two stacks would depend on each other. Move it to the stack ${ours.node.path} or to one of its own, or import it there by its ARN or id`,
        );
      }
    }
  }

  /** Where the functions run: where the properties or the configuration say. */
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

  /** The name that distinguishes the metrics of several stacks, and of several constructs in one. */
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

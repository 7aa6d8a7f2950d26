import { Duration } from "aws-cdk-lib";
import {
  AuthorizationType,
  type MethodOptions,
  RequestAuthorizer,
  type RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import {
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../shared/config/monitoring-config.ts";
import { Alarms } from "./constructs/alarms.ts";
import { Data } from "./constructs/data.ts";
import { EventFlow } from "./constructs/event-flow.ts";
import { Functions } from "./constructs/functions.ts";
import { addGatewayResponses } from "./constructs/gateway-responses.ts";
import { MetricsDashboard } from "./constructs/metrics-dashboard.ts";
import { OcsfExport } from "./constructs/ocsf-export.ts";
import { Schedules } from "./constructs/schedules.ts";

export interface OAuthMonitoringProps {
  /** Every key has a default; a mistake is refused at synth with its path and reason. */
  readonly config?: MonitoringConfigInput;
  /** Whom alarms and alerts tell; a topic of its own without it. */
  readonly alarmTopic?: ITopic;
}

/**
 * OAuth monitoring beside an API: tables, event flow, functions, schedules, alarms and a CloudWatch
 * dashboard, and an authorizer for any REST API of yours.
 *
 * @example
 * ```typescript
 * const monitoring = new OAuthMonitoring(this, "OAuthMonitoring");
 * orders.addMethod("GET", integration, monitoring.protect(api));
 * ```
 * @throws InvalidConfigError when the configuration is not valid
 */
export class OAuthMonitoring extends Construct {
  readonly config: MonitoringConfig;
  readonly data: Data;
  readonly flow: EventFlow;
  readonly functions: Functions;
  readonly alarmTopic: ITopic;
  readonly metricsDashboard: MetricsDashboard;
  /** The export to S3, where the configuration asks for it. */
  readonly ocsfExport: OcsfExport | undefined;
  readonly #alarms: Alarms;
  readonly #protected = new Map<RestApi, RequestAuthorizer>();

  constructor(scope: Construct, id: string, props: OAuthMonitoringProps = {}) {
    super(scope, id);
    this.config = parseMonitoringConfig(props.config ?? {});
    this.data = new Data(this, "Data", this.config);
    this.flow = new EventFlow(this, "EventFlow", this.config, this.data.key);
    this.alarmTopic =
      props.alarmTopic ??
      new Topic(this, "AlarmTopic", { masterKey: this.data.key, enforceSSL: true });
    this.functions = new Functions(
      this,
      "Functions",
      this.config,
      this.data,
      this.flow,
      this.alarmTopic,
    );
    this.functions.consumeQueues();
    new Schedules(this, "Schedules", this.config, {
      cleanup: this.functions.get("Cleanup"),
      anomalies: this.functions.get("Anomalies"),
    });
    this.#alarms = new Alarms(this, "Alarms", {
      config: this.config,
      data: this.data,
      flow: this.flow,
      functions: this.functions,
      topic: this.alarmTopic,
    });
    this.metricsDashboard = new MetricsDashboard(this, "MetricsDashboard", {
      data: this.data,
      flow: this.flow,
      functions: this.functions,
    });
    this.ocsfExport =
      this.config.ocsfExport &&
      new OcsfExport(this, "OcsfExport", {
        parameters: this.config.ocsfExport,
        removalPolicy: this.config.removalPolicy,
        rules: this.flow.rules,
        key: this.data.key,
        transformation: this.functions.get("OcsfExport"),
        alarmTopic: this.alarmTopic,
      });
  }

  /**
   * Options that put a method of `api` behind the authorizer. The first call for an API also gives it
   * the gateway responses of RFC 6750, an alarm on its server errors and its place on the dashboard.
   */
  protect(api: RestApi): MethodOptions & { authorizer: RequestAuthorizer } {
    const authorizer = this.#protected.get(api) ?? this.#attach(api);
    return { authorizer, authorizationType: AuthorizationType.CUSTOM };
  }

  #attach(api: RestApi): RequestAuthorizer {
    // All of it is made in the API's scope: APIs may bear one id, and an API in another stack must
    // depend on this one without this one depending on it, which an own permission here would do.
    const handler = LambdaFunction.fromFunctionAttributes(api, "OAuthAuthorizerFunction", {
      functionArn: this.functions.get("Authorizer").functionArn,
      sameEnvironment: true,
    });
    const authorizer = new RequestAuthorizer(api, "OAuthAuthorizer", {
      handler,
      // No identity source and no cache: a call without a token is tracked too, and each use is.
      identitySources: [],
      resultsCacheTtl: Duration.seconds(0),
    });
    this.#protected.set(api, authorizer);
    addGatewayResponses(api, this.config.realm);
    this.#alarms.watchApi(api);
    this.metricsDashboard.addApi(api);
    return authorizer;
  }
}

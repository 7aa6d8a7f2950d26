import { Names, type RemovalPolicy, Size, Validations } from "aws-cdk-lib";
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  type MethodDeploymentOptions,
  type Resource,
  RestApi,
  type RestApiProps,
} from "aws-cdk-lib/aws-apigateway";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { PROVIDER_EVENTS_PATH } from "../../shared/config/provider-parameters.ts";
import { ApiFirewall } from "./api-firewall.ts";
import type { FunctionName, Functions } from "./functions.ts";

const ADMIN_ROUTES: Readonly<Record<string, FunctionName>> = {
  stats: "Stats",
  activity: "Activity",
  events: "Events",
  "security-events": "Events",
  alerts: "AlertList",
  clients: "ClientList",
  "cleanup-runs": "CleanupRunList",
  actions: "ActionList",
  tokens: "ActionList",
  sessions: "ActionList",
};

/** The decisions that an administrator can make about an action. */
const DECISIONS = ["approve", "reject", "release"];

/** The access log's format. It excludes request headers, because they contain tokens. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    request_id: AccessLogField.contextRequestId(),
    trace_id: AccessLogField.contextXrayTraceId(),
    time: AccessLogField.contextRequestTime(),
    ip: AccessLogField.contextIdentitySourceIp(),
    method: AccessLogField.contextHttpMethod(),
    resource: AccessLogField.contextResourcePath(),
    status: AccessLogField.contextStatus(),
    response_length: AccessLogField.contextResponseLength(),
    oauth_client_id: "$context.authorizer.oauth_client_id",
    token_id: "$context.authorizer.token_id",
    error: "$context.error.responseType",
  }),
);

/** Returns the throttling settings for the provider endpoint. */
function getThrottle({ providers }: MonitoringConfig): Record<string, MethodDeploymentOptions> {
  const { rateLimit, burstLimit } = providers.endpointThrottle;
  const limits = { throttlingRateLimit: rateLimit, throttlingBurstLimit: burstLimit };
  return { [`${PROVIDER_EVENTS_PATH}/POST`]: limits };
}

/** Properties of the admin API. */
export interface AdminApiProps {
  /**
   * Whether to create the IAM role that API Gateway uses to write access logs. An account has one such role per region.
   * Set this to false if you manage the role elsewhere.
   *
   * @default - `api.cloudWatchRole` of the configuration, which is true
   */
  readonly cloudWatchRole?: boolean;

  /**
   * Whether to add a protected sample API for testing tokens at `/api`. It echoes the authorizer's context.
   *
   * @default false
   */
  readonly sampleApi?: boolean;

  /**
   * Further properties of the `RestApi`, such as `domainName` or `policy`. They override the construct's own.
   *
   * @default {}
   */
  readonly restApi?: RestApiProps;
}

/** Properties that `OAuthMonitoring.addAdminApi` sets. */
export interface AdminApiParts {
  readonly config: MonitoringConfig;
  readonly functions: Functions;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The admin API: statistics, audit log, alerts and the dashboard page. */
export class AdminApi extends Construct {
  /** The REST API, with its own stage. */
  readonly api: RestApi;
  /** The URL of the dashboard. */
  readonly dashboardUrl: string;
  /** The dashboard page. It needs no token because it contains no data; the page asks the user for a token. */
  readonly openPage: Method;
  /**
   * The method that approves and rejects actions by link. Requests must contain a link that this stack signed.
   * Undefined without `responses.approvalLinks` in the configuration.
   */
  readonly openApproval: Method | undefined;
  /**
   * The methods that receive events from identity providers, which authenticate with a signature or secret. Empty
   * without `providers.endpoints` in the configuration.
   */
  readonly openProviders: readonly Method[];

  constructor(scope: Construct, id: string, props: AdminApiProps & AdminApiParts) {
    super(scope, id);
    const { config, functions, logRetention, removalPolicy } = props;
    const hasEndpoints = config.providers.endpoints.length > 0;
    const logGroup = new LogGroup(this, "AccessLog", { retention: logRetention, removalPolicy });
    this.api = new RestApi(this, "Api", {
      // CloudWatch distinguishes APIs only by name.
      restApiName: Names.uniqueResourceName(this, { separator: "-", maxLength: 80 }),
      description:
        "OAuth monitoring: statistics, audit log, alerts and dashboard for administrators",
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: props.cloudWatchRole ?? config.api.cloudWatchRole,
      minCompressionSize: Size.kibibytes(1),
      ...props.restApi,
      deployOptions: {
        stageName: config.stageName,
        accessLogDestination: new LogGroupLogDestination(logGroup),
        accessLogFormat: ACCESS_LOG,
        tracingEnabled: true,
        throttlingRateLimit: config.api.throttle.rateLimit,
        throttlingBurstLimit: config.api.throttle.burstLimit,
        ...(hasEndpoints && { methodOptions: getThrottle(config) }),
        ...props.restApi?.deployOptions,
      },
    });
    // Omits the permission for the console's test button: it would add a resource per method, and a stack is limited to
    // 500 resources.
    const to = (name: FunctionName) =>
      new LambdaIntegration(functions.get(name), { allowTestInvoke: false });
    if (props.sampleApi) {
      this.api.root.addResource("api").addResource("{proxy+}").addMethod("ANY", to("SampleApi"));
    }
    const admin = this.api.root.addResource("admin").addResource("oauth");
    for (const [path, name] of Object.entries(ADMIN_ROUTES)) {
      admin.addResource(path).addMethod("GET", to(name));
    }
    const actions = admin.getResource("actions") as Resource;
    actions.addMethod("POST", to("Respond"));
    const action = actions.addResource("{action_id}");
    for (const decision of DECISIONS) {
      action.addResource(decision).addMethod("POST", to("Respond"));
    }
    for (const path of ["action-counts", "alert-reviews"]) {
      admin.addResource(path).addMethod("POST", to("Respond"));
    }
    this.openPage = admin.addResource("dashboard").addMethod("GET", to("Dashboard"), {
      authorizationType: AuthorizationType.NONE,
    });
    Validations.of(this.openPage).acknowledge({
      id: "AwsSolutions-APIG4",
      reason: "The page is public: it contains no data and needs a token to load any.",
    });
    this.openApproval =
      config.responses.approvalLinks &&
      admin.addResource("approvals").addMethod("POST", to("Approval"), {
        authorizationType: AuthorizationType.NONE,
      });
    if (this.openApproval) {
      Validations.of(this.openApproval).acknowledge({
        id: "AwsSolutions-APIG4",
        reason:
          "Approval links need no token: each is signed with the stack's KMS key for one action and expires.",
      });
    }
    this.openProviders = hasEndpoints ? this.#addProviders(config, to("ProviderEndpoint")) : [];
    this.dashboardUrl = this.api.urlForPath("/admin/oauth/dashboard");
    new ApiFirewall(this, "Firewall", {
      parameters: config.api,
      stage: this.api.deploymentStage,
    });
    this.#acknowledgeFindings();
  }

  /** Adds the provider endpoint, and Okta's endpoint verification if Okta is configured. */
  #addProviders({ providers }: MonitoringConfig, integration: LambdaIntegration): Method[] {
    const path = this.api.root.resourceForPath(PROVIDER_EVENTS_PATH);
    const isOkta = providers.endpoints.some(({ provider }) => provider === "okta");
    const methods = ["POST", ...(isOkta ? ["GET"] : [])].map((method) =>
      path.addMethod(method, integration, { authorizationType: AuthorizationType.NONE }),
    );
    for (const method of methods) {
      Validations.of(method).acknowledge({
        id: "AwsSolutions-APIG4",
        reason:
          "Providers have no access token of this stack. The function verifies the signature or shared secret before it reads the request.",
      });
    }
    return methods;
  }

  #acknowledgeFindings(): void {
    Validations.of(this.api).acknowledge(
      {
        id: "AwsSolutions-APIG2",
        reason:
          "Each function validates its input with a schema and returns 400 with a problem document that lists every mistake. API Gateway's validator only checks that parameters are present.",
      },
      {
        id: "AwsSolutions-COG4",
        reason: "The authorizer verifies opaque tokens, which a Cognito user pool cannot do.",
      },
      {
        id: "AwsSolutions-APIG6",
        reason:
          "Execution logs can contain caller input, including session ids, in a log group without expiry that API Gateway creates. The access log records every call, and the functions log the reasons.",
      },
      {
        id: "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        reason:
          "All APIs of the account use this role for logging. AWS documents this managed policy for it.",
      },
    );
  }
}

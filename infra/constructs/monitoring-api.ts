import { RemovalPolicy, Size, Stack, Validations } from "aws-cdk-lib";
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { OAuthMonitoring } from "../oauth-monitoring.ts";
import { ApiFirewall } from "./api-firewall.ts";
import type { FunctionName } from "./functions.ts";

const ADMIN_ROUTES: Readonly<Record<string, FunctionName>> = {
  stats: "Stats",
  activity: "Activity",
  events: "Events",
  "security-events": "Events",
  alerts: "AlertList",
  clients: "ClientList",
  "cleanup-runs": "CleanupRunList",
};

/** Nothing of the request's headers, where tokens are. */
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

/** The product's own API: the admin routes, and a sample that is protected as yours would be. */
export class MonitoringApi extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, monitoring: OAuthMonitoring) {
    super(scope, id);
    const { config, functions } = monitoring;
    const logGroup = new LogGroup(this, "AccessLog", {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy:
        config.removalPolicy === "retain" ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.api = new RestApi(this, "Api", {
      // CloudWatch tells APIs apart by name alone.
      restApiName: `${Stack.of(this).stackName}Api`,
      description: "OAuth monitoring: admin routes and a sample protected API",
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: true,
      minCompressionSize: Size.kibibytes(1),
      deployOptions: {
        stageName: config.stageName,
        accessLogDestination: new LogGroupLogDestination(logGroup),
        accessLogFormat: ACCESS_LOG,
        tracingEnabled: true,
        throttlingRateLimit: config.api.throttle.rateLimit,
        throttlingBurstLimit: config.api.throttle.burstLimit,
      },
    });
    const to = (name: FunctionName) => new LambdaIntegration(functions.get(name));
    const guarded = monitoring.protect(this.api);
    this.api.root
      .addResource("api")
      .addResource("{proxy+}")
      .addMethod("ANY", to("SampleApi"), guarded);
    const admin = this.api.root.addResource("admin").addResource("oauth");
    for (const [path, name] of Object.entries(ADMIN_ROUTES)) {
      admin.addResource(path).addMethod("GET", to(name), guarded);
    }
    // The page alone is for everybody: it holds no data, and asks for a token before it shows any.
    const dashboard = admin.addResource("dashboard").addMethod("GET", to("Dashboard"), {
      authorizationType: AuthorizationType.NONE,
    });
    Validations.of(dashboard).acknowledge({
      id: "AwsSolutions-APIG4",
      reason:
        "The page is for everybody: it holds no data, and asks for a token before it shows any.",
    });
    new ApiFirewall(this, "Firewall", config.api, this.api.deploymentStage);
    this.#acknowledgeFindings();
  }

  #acknowledgeFindings(): void {
    Validations.of(this.api).acknowledge(
      {
        id: "AwsSolutions-APIG2",
        reason:
          "Each function parses its query by a schema and answers 400 with every mistake in a problem document; API Gateway's validator knows only whether a parameter is there.",
      },
      {
        id: "AwsSolutions-COG4",
        reason:
          "The product is the authorizer: of opaque tokens, which no Cognito user pool knows.",
      },
      {
        id: "AwsSolutions-APIG6",
        reason:
          "An execution log can hold what a caller sends, session ids among it, in a log group that API Gateway makes and that never ends. The access log has every call, and the functions log why.",
      },
      {
        id: "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        reason:
          "The role is the account's one for API Gateway, whose every API logs through it; this is the policy that AWS documents for it.",
      },
    );
  }
}

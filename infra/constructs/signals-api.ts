import { Names, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { AccessLogField, AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, type HttpRoute, HttpStage } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { SET_PATH, TRANSMITTER_PATHS } from "../../shared/config/signal-parameters.ts";
import type { FunctionName, Functions } from "./functions.ts";

/** The access log's format. It excludes request headers, because they contain tokens. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    request_id: AccessLogField.contextRequestId(),
    time: AccessLogField.contextRequestTime(),
    ip: AccessLogField.contextIdentitySourceIp(),
    method: AccessLogField.contextHttpMethod(),
    route: "$context.routeKey",
    status: AccessLogField.contextStatus(),
    response_length: AccessLogField.contextResponseLength(),
    oauth_client_id: "$context.authorizer.oauth_client_id",
    error: "$context.error.message",
  }),
);

export interface SignalsApiProps {
  readonly config: MonitoringConfig;
  readonly functions: Functions;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/**
 * The Shared Signals API. It is an HTTP API because an issuer must serve its metadata at the root of its host, and a
 * REST API's paths start with a stage name.
 */
export class SignalsApi extends Construct {
  readonly api: HttpApi;
  /** Routes that don't need one of our tokens. */
  readonly open: HttpRoute[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: SignalsApiProps,
  ) {
    super(scope, id);
    const { config, logRetention, removalPolicy } = props;
    this.api = new HttpApi(this, "Api", {
      apiName: Names.uniqueResourceName(this, { separator: "-", maxLength: 80 }),
      description: "OAuth monitoring: Shared Signals receiver and transmitter",
      createDefaultStage: false,
    });
    const accessLog = new LogGroup(this, "AccessLog", { retention: logRetention, removalPolicy });
    new HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      throttle: config.api.throttle,
      accessLogSettings: {
        destination: { bind: () => ({ destinationArn: accessLog.logGroupArn }) },
        format: ACCESS_LOG,
      },
    });
    if (config.signals?.receiver) {
      this.#open(
        HttpMethod.POST,
        SET_PATH,
        "SignalReceiver",
        "Security Event Tokens are authenticated by their signature (RFC 8935). Transmitters have their own keys and no access token of this stack.",
      );
    }
  }

  /** Adds the transmitter's public metadata and the routes that receivers use to manage their streams. */
  addTransmitter(): void {
    const { metadata, keys, streams, status, poll, ...others } = TRANSMITTER_PATHS;
    for (const path of [metadata, keys]) {
      this.#open(
        HttpMethod.GET,
        path,
        "SignalStreams",
        "The transmitter's metadata and public keys are public by design.",
      );
    }
    const { GET, POST, PUT, PATCH, DELETE } = HttpMethod;
    const managed: readonly [string, readonly HttpMethod[]][] = [
      [streams, [GET, POST, PUT, PATCH, DELETE]],
      [status, [GET, POST]],
      ...Object.values(others).map((path): [string, HttpMethod[]] => [path, [POST]]),
      [`${poll}/{stream_id}`, [POST]],
    ];
    for (const [path, methods] of managed) {
      for (const method of methods) this.#add(method, path, "SignalStreams");
    }
  }

  #open(method: HttpMethod, path: string, name: FunctionName, reason: string): void {
    const routes = this.#add(method, path, name);
    for (const route of routes) {
      Validations.of(route).acknowledge({ id: "AwsSolutions-APIG4", reason });
    }
    this.open.push(...routes);
  }

  #add(method: HttpMethod, path: string, name: FunctionName): HttpRoute[] {
    return this.api.addRoutes({
      path,
      methods: [method],
      integration: new HttpLambdaIntegration(`${name}Integration`, this.props.functions.get(name)),
    });
  }
}

import { type Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { FunctionName } from "../shared/config/function-parameters.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../shared/config/monitoring-config.ts";
import { STREAM_SCOPES } from "../shared/config/signal-parameters.ts";
import { checkMappings } from "../shared/integrations/providers/mapped-provider.ts";
import { type Configuration, parseWithTokens } from "./deploy-time-values.ts";

/** A type whose objects and arrays are readonly at every level. */
export type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** The settings that are properties of the construct and keys of the configuration under the same name. */
export type SharedSettings = Pick<
  DeepReadonly<MonitoringConfigInput>,
  "realm" | "routes" | "defaultScopes"
>;

/** The access rule for a route. The first rule that matches the method and path applies. */
export type RouteAccess = NonNullable<SharedSettings["routes"]>[number];

/** The scopes required for paths that no route matches. */
export type DefaultScopes = NonNullable<SharedSettings["defaultScopes"]>;

/** Properties of `OAuthMonitoring`. All are optional. */
export interface OAuthMonitoringProps extends SharedSettings {
  /**
   * Retention of events. Security events are kept for at least 90 days, even if this is shorter.
   *
   * @default Duration.days(90)
   */
  readonly eventRetention?: Duration;

  /**
   * Retention of events by type. Must be at least 90 days for security events.
   *
   * @default - `eventRetention` for every type
   */
  readonly eventRetentionByType?: Readonly<Record<string, Duration>>;

  /**
   * Retention of statistics.
   *
   * @default Duration.days(400)
   */
  readonly statisticsRetention?: Duration;

  /**
   * Minimum interval between updates of a token's `last_used_at`. With zero, every use updates the token. With a longer
   * interval, the value is less exact but most calls only read the token. Events always contain the exact time.
   *
   * @default Duration.seconds(0)
   */
  readonly lastUsedInterval?: Duration;

  /**
   * Interval between cleanups of expired tokens, codes, sessions and events.
   *
   * @default Duration.hours(1)
   */
  readonly cleanupInterval?: Duration;

  /**
   * Retention of the functions' logs.
   *
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays;

  /**
   * Removal policy of tables, queues, logs and key. `RETAIN` also enables deletion protection for the tables.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy.RETAIN | RemovalPolicy.DESTROY;

  /**
   * Encrypts tables, queues, the bus's archive and the alarm topic. The policy of an imported key must allow
   * EventBridge and CloudWatch to use it: see docs/deploy.md.
   *
   * @default - a new key that rotates every year
   */
  readonly encryptionKey?: IKey;

  /**
   * Receives alarms and alerts. If the topic is defined in this app, the construct allows the account's alarms to
   * publish to it. The policy of an imported topic must already allow it. Import an encrypted topic with
   * `Topic.fromTopicAttributes` and `keyArn`; the key's policy must allow `cloudwatch.amazonaws.com`.
   *
   * @default - a new encrypted topic
   */
  readonly alarmTopic?: ITopic;

  /**
   * Whether to create CloudWatch alarms.
   *
   * @default true
   */
  readonly alarms?: boolean;

  /**
   * Whether to create a CloudWatch dashboard.
   *
   * @default true
   */
  readonly metricsDashboard?: boolean;

  /**
   * Whether to add stack outputs. `oauth-monitoring --stack NAME` needs them to find the construct.
   *
   * @default true
   */
  readonly outputs?: boolean;

  /**
   * Reserved concurrency by function, such as `{ Authorizer: 400 }`. A function's reserved concurrency is also its
   * maximum.
   *
   * @default - no reserved concurrency
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<FunctionName, number>>>;

  /**
   * Provisioned concurrency of the authorizer, which avoids cold starts.
   *
   * @default 0
   */
  readonly authorizerProvisionedConcurrency?: number;

  /**
   * The VPC in which the functions run. It must have routes to DynamoDB, EventBridge, SQS and SNS: see docs/deploy.md.
   *
   * @default - `functions.vpc` of the configuration, or no VPC
   */
  readonly vpc?: IVpc;

  /**
   * The subnets of `vpc` in which the functions run.
   *
   * @default - the private subnets
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * The security groups of the functions in `vpc`.
   *
   * @default - a new one that allows all outbound and no inbound traffic
   */
  readonly securityGroups?: readonly ISecurityGroup[];

  /**
   * All other settings as JSON, for example from `cdk.json`: see docs/configuration.md. The properties above override
   * these settings.
   *
   * @default {}
   */
  readonly config?: MonitoringConfigInput;
}

/** Overrides settings with the values that are set. */
function over<T extends object>(settings: T | undefined, values: Partial<T>): T | undefined {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return set.length === 0 ? settings : ({ ...settings, ...Object.fromEntries(set) } as T);
}

/** Converts the properties to a configuration. Undefined members are ignored. */
function toConfigInput(props: OAuthMonitoringProps): MonitoringConfigInput {
  const { config = {}, eventRetentionByType, removalPolicy } = props;
  const daysByType = Object.entries(eventRetentionByType ?? {}).map(([type, retention]) => [
    type,
    retention.toDays(),
  ]);
  const set: DeepReadonly<MonitoringConfigInput> = {
    realm: props.realm,
    routes: props.routes,
    defaultScopes: over(config.defaultScopes, { ...props.defaultScopes } as DefaultScopes as never),
    retention: over(config.retention, {
      defaultDays: props.eventRetention?.toDays(),
      daysByEventType: eventRetentionByType && Object.fromEntries(daysByType),
      statisticsDays: props.statisticsRetention?.toDays(),
    }),
    tracking: over(config.tracking, {
      lastUsedIntervalSeconds: props.lastUsedInterval?.toSeconds(),
    }),
    cleanup: over(config.cleanup, { everyMinutes: props.cleanupInterval?.toMinutes() }),
    functions: over(config.functions, {
      reservedConcurrency: props.reservedConcurrency,
      authorizerProvisionedConcurrency: props.authorizerProvisionedConcurrency,
    }),
    removalPolicy: removalPolicy && REMOVAL_POLICIES[removalPolicy],
  };
  return over(config, set as MonitoringConfigInput) ?? {};
}

const REMOVAL_POLICIES = {
  [RemovalPolicy.RETAIN]: "retain",
  [RemovalPolicy.DESTROY]: "destroy",
} as const;

/**
 * Returns the validated configuration of the construct.
 *
 * @throws InvalidConfigError with the path of each invalid property and how to fix it
 */
export function getConfiguration(props: OAuthMonitoringProps): Configuration {
  const input = toConfigInput(props);
  const routes = [...TRANSMITTER_ROUTES, ...(input.routes ?? [])];
  const configuration = parseWithTokens(
    input.signals?.transmitter ? { ...input, routes } : input,
    parseMonitoringConfig,
  );
  checkMappings(configuration.config.providers.mappings);
  return configuration;
}

/** Access rules for the transmitter's routes. */
const TRANSMITTER_ROUTES: NonNullable<MonitoringConfigInput["routes"]> = [
  { method: "POST", path: "/ssf/poll/{stream_id}", scopes: [STREAM_SCOPES.read] },
  { method: "GET", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.read] },
  { method: "ANY", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.manage] },
];

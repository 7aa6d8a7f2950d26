import { type Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { FunctionName } from "../shared/config/function-parameters.ts";
import {
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../shared/config/monitoring-config.ts";
import { STREAM_SCOPES } from "../shared/config/signal-parameters.ts";
import { checkMappings } from "../shared/integrations/providers/mapped-provider.ts";
import { parseWithTokens } from "./deploy-time-values.ts";

/** The access rule for a route. The first rule that matches the method and path applies. */
export interface RouteAccess {
  /**
   * The HTTP method, or `ANY`.
   *
   * @default "ANY"
   */
  readonly method?: "ANY" | "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  /** The path in API Gateway's syntax: `/orders/{id}`, `/reports/{proxy+}`. */
  readonly path: string;
  /** The required scopes. The token must include all of them. */
  readonly scopes: readonly string[];
  /**
   * Whether the call needs a session. `required`: the call must send an active `Mcp-Session-Id` that belongs to the
   * token's client and user.
   *
   * @default "ignored"
   */
  readonly session?: "required" | "ignored";
}

/** The scopes required for paths that no route matches. */
export interface DefaultScopes {
  /**
   * Scopes for GET and HEAD.
   *
   * @default ["api:read"]
   */
  readonly read?: readonly string[];
  /**
   * Scopes for all other methods.
   *
   * @default ["api:write"]
   */
  readonly write?: readonly string[];
}

/** Properties of `OAuthMonitoring`. All are optional. */
export interface OAuthMonitoringProps {
  /**
   * The realm in `WWW-Authenticate` (RFC 6750, section 3).
   *
   * @default "oauth-monitoring"
   */
  readonly realm?: string;

  /**
   * The scopes that each path requires. List the most specific path first.
   *
   * @default - every path requires `defaultScopes`
   */
  readonly routes?: readonly RouteAccess[];

  /**
   * The scopes required for paths that no route matches. *
   * @default - `api:read` for GET and HEAD, `api:write` for all other methods
   */
  readonly defaultScopes?: DefaultScopes;

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

/** Overrides a section's settings with the properties that are set. */
function over<T extends object>(section: T | undefined, set: Partial<T>): T | undefined {
  const values = Object.entries(set).filter(([, value]) => value !== undefined);
  return values.length === 0 ? section : ({ ...section, ...Object.fromEntries(values) } as T);
}

/** Converts the properties to a configuration. Undefined members are ignored. */
function inputOf(props: OAuthMonitoringProps): MonitoringConfigInput {
  const { config = {}, routes, defaultScopes, eventRetentionByType, removalPolicy } = props;
  const set: MonitoringConfigInput = {
    realm: props.realm,
    routes: routes?.map((route) => ({ ...route, scopes: [...route.scopes] })),
    defaultScopes: over(config.defaultScopes, {
      ...(defaultScopes?.read && { read: [...defaultScopes.read] }),
      ...(defaultScopes?.write && { write: [...defaultScopes.write] }),
    }),
    retention: over(config.retention, {
      defaultDays: props.eventRetention?.toDays(),
      daysByEventType:
        eventRetentionByType &&
        Object.fromEntries(
          Object.entries(eventRetentionByType).map(([type, kept]) => [type, kept.toDays()]),
        ),
      statisticsDays: props.statisticsRetention?.toDays(),
    }),
    tracking: over(config.tracking, {
      lastUsedIntervalSeconds: props.lastUsedInterval?.toSeconds(),
    }),
    cleanup: over(config.cleanup, { everyMinutes: props.cleanupInterval?.toMinutes() }),
    functions: over(config.functions, {
      reservedConcurrency: props.reservedConcurrency && { ...props.reservedConcurrency },
      authorizerProvisionedConcurrency: props.authorizerProvisionedConcurrency,
    }),
    removalPolicy: removalPolicy === undefined ? undefined : REMOVAL_POLICIES[removalPolicy],
  } as MonitoringConfigInput;
  return over(config, set) ?? {};
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
export function configOf(props: OAuthMonitoringProps): MonitoringConfig {
  const input = inputOf(props);
  const routes = [...TRANSMITTER_ROUTES, ...(input.routes ?? [])];
  const config = parseWithTokens(
    input.signals?.transmitter ? { ...input, routes } : input,
    parseMonitoringConfig,
  );
  checkMappings(config.providers.mappings);
  return config;
}

/** Access rules for the transmitter's routes. */
const TRANSMITTER_ROUTES: NonNullable<MonitoringConfigInput["routes"]> = [
  { method: "POST", path: "/ssf/poll/{stream_id}", scopes: [STREAM_SCOPES.read] },
  { method: "GET", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.read] },
  { method: "ANY", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.manage] },
];

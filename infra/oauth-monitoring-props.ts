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

/** What a call to a path needs. The first route whose method and path match decides. */
export interface RouteAccess {
  /**
   * The HTTP method, or `ANY`.
   *
   * @default "ANY"
   */
  readonly method?: "ANY" | "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  /** The path as API Gateway writes it: `/orders/{id}`, `/reports/{proxy+}`. */
  readonly path: string;
  /** The scopes that the token must have, all of them. */
  readonly scopes: readonly string[];
  /**
   * `required`: the call must also send a live `Mcp-Session-Id` of the token's client and user.
   *
   * @default "ignored"
   */
  readonly session?: "required" | "ignored";
}

/** The scopes of a path that no route names. */
export interface DefaultScopes {
  /**
   * For GET and HEAD.
   *
   * @default ["api:read"]
   */
  readonly read?: readonly string[];
  /**
   * For every other method.
   *
   * @default ["api:write"]
   */
  readonly write?: readonly string[];
}

/** Properties of the construct; every one has a default. */
export interface OAuthMonitoringProps {
  /**
   * The realm in `WWW-Authenticate` (RFC 6750, section 3).
   *
   * @default "oauth-monitoring"
   */
  readonly realm?: string;

  /**
   * The scopes that paths ask for, most specific path first.
   *
   * @default - every path asks for the default scopes
   */
  readonly routes?: readonly RouteAccess[];

  /**
   * The scopes of a path that no route names.
   *
   * @default - `api:read` for GET and HEAD, `api:write` for everything else
   */
  readonly defaultScopes?: DefaultScopes;

  /**
   * How long an event is kept. Security events are kept for at least 90 days.
   *
   * @default Duration.days(90)
   */
  readonly eventRetention?: Duration;

  /**
   * How long events are kept, by type. Security events need at least 90 days.
   *
   * @default - every type is kept for `eventRetention`
   */
  readonly eventRetentionByType?: Readonly<Record<string, Duration>>;

  /**
   * How far back statistics reach.
   *
   * @default Duration.days(400)
   */
  readonly statisticsRetention?: Duration;

  /**
   * How often `last_used_at` of a token is written at most. Zero writes it at each use, so it is exact. With
   * an interval, calls in between only read. The event always has the exact time.
   *
   * @default Duration.seconds(0)
   */
  readonly lastUsedInterval?: Duration;

  /**
   * How often expired tokens, codes, sessions and events are removed.
   *
   * @default Duration.hours(1)
   */
  readonly cleanupInterval?: Duration;

  /**
   * How long the functions' logs are kept.
   *
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays;

  /**
   * What happens to tables, queues, logs and key when they leave the stack. `RETAIN` also protects the
   * tables against deletion.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy.RETAIN | RemovalPolicy.DESTROY;

  /**
   * Encrypts tables, queues, the bus's archive and the alarm topic. The policy of an imported key must let
   * EventBridge and CloudWatch use it: docs/deploy.md has the statements.
   *
   * @default - a new key that rotates every year
   */
  readonly encryptionKey?: IKey;

  /**
   * Where alarms and alerts go. A topic of this app gets a policy by which alarms of the account may publish;
   * an imported one must have it. Import an encrypted topic by `Topic.fromTopicAttributes` with its `keyArn`; the
   * key's policy must let `cloudwatch.amazonaws.com` use it.
   *
   * @default - a new encrypted topic
   */
  readonly alarmTopic?: ITopic;

  /**
   * Whether CloudWatch alarms watch every part.
   *
   * @default true
   */
  readonly alarms?: boolean;

  /**
   * Whether a CloudWatch dashboard shows every part.
   *
   * @default true
   */
  readonly metricsDashboard?: boolean;

  /**
   * Whether the stack gets outputs. Without them `oauth-monitoring --stack NAME` does not find the construct.
   *
   * @default true
   */
  readonly outputs?: boolean;

  /**
   * Concurrency that a function has for itself, and at most, such as `{ Authorizer: 400 }`.
   *
   * @default - no function has any reserved
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<FunctionName, number>>>;

  /**
   * Environments of the authorizer that Lambda keeps warm, so that no call waits for a cold start.
   *
   * @default 0
   */
  readonly authorizerProvisionedConcurrency?: number;

  /**
   * The VPC in which the functions run. It needs ways to DynamoDB, EventBridge, SQS and SNS: see docs/deploy.md.
   *
   * @default - `functions.vpc` of the configuration; without it, no VPC
   */
  readonly vpc?: IVpc;

  /**
   * The subnets of `vpc` in which the functions run.
   *
   * @default - its private subnets
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * The security groups of the functions in `vpc`.
   *
   * @default - a new one that allows everything outwards and nothing inwards
   */
  readonly securityGroups?: readonly ISecurityGroup[];

  /**
   * All other settings, as JSON, for example from `cdk.json`. docs/configuration.md lists them. The
   * properties above win over it.
   *
   * @default {}
   */
  readonly config?: MonitoringConfigInput;
}

/** A section of the configuration, overridden by what is set. */
function over<T extends object>(section: T | undefined, set: Partial<T>): T | undefined {
  const values = Object.entries(set).filter(([, value]) => value !== undefined);
  return values.length === 0 ? section : ({ ...section, ...Object.fromEntries(values) } as T);
}

/** The configuration that the properties describe. Undefined members count as absent. */
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
 * The validated configuration of the construct.
 *
 * @throws InvalidConfigError when a property is not valid, with its path and how to fix it
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

/** The rules of the transmitter's routes. */
const TRANSMITTER_ROUTES: NonNullable<MonitoringConfigInput["routes"]> = [
  { method: "POST", path: "/ssf/poll/{stream_id}", scopes: [STREAM_SCOPES.read] },
  { method: "GET", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.read] },
  { method: "ANY", path: "/ssf/{proxy+}", scopes: [STREAM_SCOPES.manage] },
];

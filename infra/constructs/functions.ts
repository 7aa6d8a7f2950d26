import { chmodSync, cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Duration, FileSystem, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  ApplicationLogLevel,
  Architecture,
  type CfnFunction,
  Code,
  type IFunction,
  type IVersion,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { CONFIG_FILE } from "../../shared/config/environment.ts";
import type { FunctionName, FunctionParameters } from "../../shared/config/function-parameters.ts";
import { packageRoot } from "../../shared/stack/package-root.ts";
import type { TableVariable } from "./data.ts";
import { FUNCTIONS, type FunctionDefinition, type FunctionResources } from "./function-table.ts";
import { grantPublish, grantTables } from "./grants.ts";

export type { FunctionName };

/** Called for each function. */
export type FunctionWatcher = (name: FunctionName, created: IFunction) => void;

/** The subnets and security groups of the functions. */
export type FunctionNetwork = NonNullable<FunctionParameters["vpc"]>;

/**
 * The permissions that Lambda needs to run a function in a VPC. They can't be limited to specific resources, because
 * the network interfaces don't exist yet at deployment.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
const NETWORK_ACTIONS = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/** Properties of the functions. */
export interface FunctionsProps extends FunctionResources {
  /** Contents of the configuration file. */
  readonly fileText: string;
  /** CDK tokens by their placeholder in the configuration file. */
  readonly deployTimeValues: Readonly<Record<string, string>>;
  /** The VPC in which the functions run. Undefined to run them outside a VPC. */
  readonly network: FunctionNetwork | undefined;
  /** Metric dimension that separates several stacks and constructs in one account. */
  readonly metricsName: string;
  readonly logRetention: RetentionDays;
  /** Removal policy of the log groups. */
  readonly removalPolicy: RemovalPolicy;
}

/** The Lambda functions. Each has its own least-privilege role. */
export class Functions extends Construct {
  readonly #created = new Map<FunctionName, LambdaFunction>();
  readonly #watchers: FunctionWatcher[] = [];
  readonly #codes = new Map<string, Code>();
  readonly #schedules: Construct;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: FunctionsProps,
  ) {
    super(scope, id);
    this.#schedules = new Construct(scope, "Schedules");
  }

  /** Value of the metric dimension `stack`. */
  get metricsName(): string {
    return this.props.metricsName;
  }

  /** Returns a function. Creates it on first use, so that no unused functions are deployed. */
  get(name: FunctionName): LambdaFunction {
    const existing = this.#created.get(name);
    if (existing) return existing;
    const definition = FUNCTIONS[name];
    const created = this.#create(name, definition);
    this.#connect(name, created, definition);
    this.#created.set(name, created);
    for (const watch of this.#watchers) watch(name, created);
    return created;
  }

  /** The authorizer that API Gateway invokes: the function, or its alias if provisioned concurrency is configured. */
  get authorizer(): IFunction {
    const authorizer = this.get("Authorizer");
    const warm = this.props.config.functions.authorizerProvisionedConcurrency;
    if (warm === 0) return authorizer;
    const id = "AuthorizerLive";
    const live =
      this.node.tryFindChild(id) ??
      new Alias(this, id, {
        aliasName: "live",
        description: "What API Gateway calls",
        version: authorizer.currentVersion as IVersion,
        provisionedConcurrentExecutions: warm,
      });
    return live as Alias as IFunction;
  }

  /** Calls the watcher for every function, including functions that are created later. */
  watch(watcher: FunctionWatcher): void {
    this.#watchers.push(watcher);
    for (const [name, created] of this.#created) watcher(name, created);
  }

  #create(name: FunctionName, definition: FunctionDefinition): LambdaFunction {
    const { config, logRetention, network, removalPolicy } = this.props;
    const reserved = config.functions.reservedConcurrency[name];
    const logGroup = new LogGroup(this, `${name}Log`, { retention: logRetention, removalPolicy });
    const created = new LambdaFunction(this, name, {
      role: this.#createRole(name, logGroup),
      code: this.#code(definition.asset),
      handler: `${definition.entry}.handler`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: definition.timeout,
      memorySize: definition.memorySize ?? 512,
      tracing: definition.tracing ?? Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      // Lambda's three log lines per invocation only repeat its metrics.
      systemLogLevelV2: SystemLogLevel.WARN,
      // Overrides the log level and sampling that Powertools reads from the environment. To debug a function, lower
      // the level in the function's logging configuration.
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      // If a scheduled run fails, the next run does its work, so no retry is needed. Only schedules invoke functions
      // asynchronously.
      ...(definition.everyMinutes && { retryAttempts: 0 }),
      logGroup,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      environment: this.#environment(definition),
    });
    if (network) {
      // CDK's `vpc` property adds a managed policy that allows access to all log groups of the account.
      (created.node.defaultChild as CfnFunction).vpcConfig = network;
    }
    return created;
  }

  #code(asset: FunctionDefinition["asset"]): Code {
    const code = this.#codes.get(asset) ?? codeWithConfig(asset, this.props.fileText);
    this.#codes.set(asset, code);
    return code;
  }

  #createRole(name: FunctionName, logGroup: LogGroup): Role {
    // CDK's default role has AWSLambdaBasicExecutionRole, which allows access to all log groups of the account.
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    logGroup.grantWrite(role);
    Validations.of(role).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason:
        "X-Ray's PutTraceSegments and PutTelemetryRecords, and the EC2 actions of functions in a VPC, do not support resource-level permissions. Nothing else is allowed on *.",
    });
    if (this.props.network) {
      role.addToPolicy(new PolicyStatement({ actions: NETWORK_ACTIONS, resources: ["*"] }));
    }
    return role;
  }

  #environment(definition: FunctionDefinition): Record<string, string> {
    const { data, deployTimeValues, flow, metricsName } = this.props;
    const { asset, entry, publishes } = definition;
    const tables = Object.keys(this.#tables(definition)) as TableVariable[];
    return {
      POWERTOOLS_SERVICE_NAME: entry === "index" ? asset : entry,
      OAUTH_MONITORING_STACK: metricsName,
      ...(Object.keys(deployTimeValues).length > 0 && {
        OAUTH_MONITORING_DEPLOY_TIME_VALUES: JSON.stringify(deployTimeValues),
      }),
      ...Object.fromEntries(tables.map((variable) => [variable, data.tables[variable].tableName])),
      ...(publishes && { EVENT_BUS_NAME: flow.bus.eventBusName }),
      ...definition.environment?.(this.props),
    };
  }

  #connect(name: FunctionName, created: LambdaFunction, definition: FunctionDefinition): void {
    const { config, data, flow } = this.props;
    const tables = this.#tables(definition);
    if (Object.keys(tables).length > 0) grantTables(data, created, tables);
    if (definition.publishes) grantPublish(flow.bus, created);
    definition.grants?.(created, this.props);
    if (definition.source) created.addEventSource(definition.source(this.props));
    if (!definition.everyMinutes) return;
    // The construct ID of the rule is the schedule's name.
    new Rule(this.#schedules, name, {
      description: `Runs the function ${name}`,
      schedule: Schedule.rate(Duration.minutes(definition.everyMinutes(config))),
      // If a run fails, the next run does its work. A retry would only run in parallel.
      targets: [new LambdaTarget(created, { retryAttempts: 0 })],
    });
  }

  #tables({ tables = {} }: FunctionDefinition) {
    return typeof tables === "function" ? tables(this.props.config) : tables;
  }
}

/**
 * Returns the code of an asset: its bundle from the npm package, with the configuration as a file. In a clone of the
 * repository, build the bundles with `npm run build`.
 *
 * @throws Error saying what to run if the bundle is missing
 */
function codeWithConfig(asset: string, config: string): Code {
  const bundle = join(packageRoot(), "dist/functions", asset);
  if (!existsSync(bundle)) {
    throw new Error(`the functions in ${asset} are not built. Run npm run build`);
  }
  const tryBundle = (folder: string) => {
    const file = join(folder, CONFIG_FILE);
    cpSync(bundle, folder, { recursive: true });
    writeFileSync(file, config);
    // Lambda runs functions as a user that doesn't own the files.
    chmodSync(file, 0o644);
    return true;
  };
  return Code.fromAsset(bundle, {
    assetHash: FileSystem.fingerprint(bundle, { extraHash: config }),
    // CDK needs an image, but uses it only if `tryBundle` returns false.
    bundling: { image: Runtime.NODEJS_24_X.bundlingImage, local: { tryBundle } },
  });
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_FILE } from "../../shared/config/environment.ts";
import { newTraceHeader } from "./gateway-headers.ts";
import {
  FunctionError,
  type Invocation,
  LambdaEnvironment,
  type LocalFunction,
  TooManyRequests,
} from "./lambda-environment.ts";
import { getArn, REGION, type Template } from "./template.ts";

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Handler: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly ReservedConcurrentExecutions?: number;
  readonly Environment?: { readonly Variables: Record<string, string> };
  readonly LoggingConfig?: { readonly LogFormat: string; readonly ApplicationLogLevel?: string };
}

interface Pool {
  readonly target: LocalFunction;
  readonly environments: Set<LambdaEnvironment>;
  readonly waiting: Invocation[];
  /** Reserved concurrency. */
  reserved: number | undefined;
  /** Number of throttled invocations. */
  throttles: number;
}

/** Options for running a template's functions. */
interface LambdaOptions {
  /** Variables that direct the AWS SDK to the local services. */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  /** Maps the value of each environment variable of the template. */
  readonly rewrite?: (value: string) => string;
  /** Path of the `aws-lambda-ric` program, to run functions with AWS's runtime. */
  readonly runtimeClient?: string | undefined;
}

/** Maximum number of environments per function. AWS would start one for each concurrent call. */
const CONCURRENCY = 4;

/**
 * Counts invocations that are running or waiting for an environment. On AWS, each invocation would have its own
 * environment.
 */
const inUse = ({ waiting, environments }: Pool) =>
  waiting.length + [...environments].filter(({ busy }) => busy).length;

/** The default concurrency of an AWS account. */
const DEFAULT_ACCOUNT_CONCURRENCY = 1000;

/**
 * Returns the variable that overrides texts of the configuration file in a function's asset, for the texts that
 * `rewrite` changes. A template with values that are known only at deployment has its own variable.
 */
function rewriteConfigFile(taskRoot: string, rewrite: (value: string) => string) {
  const file = join(taskRoot, CONFIG_FILE);
  const changes: Record<string, string> = {};
  if (existsSync(file)) {
    JSON.parse(readFileSync(file, "utf8"), (_, value) => {
      if (typeof value === "string" && rewrite(value) !== value) changes[value] = rewrite(value);
      return value;
    });
  }
  return Object.keys(changes).length === 0
    ? {}
    : { OAUTH_MONITORING_DEPLOY_TIME_VALUES: JSON.stringify(changes) };
}

/** The template's functions. Each runs from its bundle. */
export class LambdaFunctions {
  readonly #pools = new Map<string, Pool>();
  /**
   * Set by tests: the account's concurrency. Functions without reserved concurrency share the unreserved part. By
   * default, there is no limit.
   * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
   */
  accountConcurrency: number | undefined;
  #closed = false;

  /** Environments start on demand. */
  constructor(
    template: Template,
    private readonly options: LambdaOptions,
  ) {
    const { endpoints, rewrite = (value) => value } = options;
    for (const { logicalId, properties } of template.resources<FunctionProperties>(
      "AWS::Lambda::Function",
    )) {
      const taskRoot = template.assetDirectory(properties.Code.S3Key);
      const target: LocalFunction = {
        name: logicalId,
        arn: getArn("lambda", `function:${logicalId}`),
        timeoutMs: (properties.Timeout ?? 3) * 1000,
        variables: {
          ...rewriteConfigFile(taskRoot, rewrite),
          ...Object.fromEntries(
            Object.entries(properties.Environment?.Variables ?? {}).map(([name, value]) => [
              name,
              rewrite(value),
            ]),
          ),
          ...endpoints,
          LAMBDA_TASK_ROOT: taskRoot,
          _HANDLER: properties.Handler,
          AWS_REGION: REGION,
          // The local services use the access key ID to identify the function, and thereby its role's permissions.
          AWS_ACCESS_KEY_ID: logicalId,
          AWS_SECRET_ACCESS_KEY: "local",
          AWS_LAMBDA_FUNCTION_NAME: logicalId,
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(properties.MemorySize ?? 128),
          AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
          AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
          // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
          AWS_LAMBDA_LOG_FORMAT: properties.LoggingConfig?.LogFormat ?? "Text",
          AWS_LAMBDA_LOG_LEVEL: properties.LoggingConfig?.ApplicationLogLevel ?? "",
          NODE_NO_WARNINGS: "1",
        },
      };
      const reserved = properties.ReservedConcurrentExecutions;
      const pool = { target, environments: new Set<LambdaEnvironment>(), waiting: [] };
      this.#pools.set(logicalId, { ...pool, reserved, throttles: 0 });
    }
  }

  /** Returns the function's environment variables, as deployed. */
  variables(name: string): Readonly<Record<string, string>> {
    return this.#pool(name).target.variables;
  }

  /**
   * Invokes a function and waits for its result.
   *
   * @param traceHeader the trace to continue; by default, a new trace
   * @throws FunctionError when the function throws, crashes or exceeds its timeout
   * @throws TooManyRequests when the function or the account has reached its concurrency limit
   */
  invoke(name: string, payload: unknown, traceHeader = newTraceHeader()): Promise<unknown> {
    const pool = this.#pool(name);
    if (this.#isFull(pool)) {
      pool.throttles += 1;
      return Promise.reject(new TooManyRequests());
    }
    return new Promise((resolve, reject) => {
      pool.waiting.push({ payload, traceHeader, resolve, reject });
      this.#dispatch(pool);
    });
  }

  /**
   * Reserves concurrency for a function, as PutFunctionConcurrency does. 0 stops the function; undefined removes the
   * reservation.
   */
  reserve(name: string, concurrency: number | undefined): void {
    this.#pool(name).reserved = concurrency;
  }

  /** Returns the number of throttled invocations of a function. */
  getThrottles(name: string): number {
    return this.#pool(name).throttles;
  }

  /**
   * Returns the account's limits, as GetAccountSettings does.
   * https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
   */
  accountSettings(): object {
    const ConcurrentExecutions = this.accountConcurrency ?? DEFAULT_ACCOUNT_CONCURRENCY;
    let reserved = 0;
    for (const pool of this.#pools.values()) reserved += pool.reserved ?? 0;
    const UnreservedConcurrentExecutions = ConcurrentExecutions - reserved;
    return { AccountLimit: { ConcurrentExecutions, UnreservedConcurrentExecutions } };
  }

  #isFull(pool: Pool): boolean {
    if (pool.reserved !== undefined) return inUse(pool) >= pool.reserved;
    if (this.accountConcurrency === undefined) return false;
    let unreserved = this.accountConcurrency;
    for (const each of this.#pools.values()) unreserved -= each.reserved ?? inUse(each);
    return unreserved <= 0;
  }

  /** Whether no invocation is waiting or running, and no extension is still working. */
  get isIdle(): boolean {
    return [...this.#pools.values()].every(
      ({ waiting, environments }) =>
        waiting.length === 0 && [...environments].every(({ ready }) => ready),
    );
  }

  /** Kills a function's environments, as a crash would. */
  kill(name: string): void {
    for (const environment of [...this.#pool(name).environments]) environment.kill("killed");
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values()) {
      for (const { reject } of pool.waiting.splice(0))
        reject(new FunctionError("closed", "Closed"));
      for (const environment of [...pool.environments]) environment.kill("closed");
    }
  }

  #pool(name: string): Pool {
    const pool = this.#pools.get(name);
    if (!pool) throw new Error(`the function ${name} does not exist`);
    return pool;
  }

  #dispatch(pool: Pool): void {
    for (const environment of pool.environments) {
      if (!environment.ready) continue;
      const invocation = pool.waiting.shift();
      if (!invocation) return;
      environment.start(invocation);
    }
    const { size } = pool.environments;
    if (pool.waiting.length > 0 && size < CONCURRENCY && !this.#closed) this.#create(pool);
  }

  #create(pool: Pool): void {
    const events = {
      onReady: () => this.#dispatch(pool),
      onEnd: (reason: string, wasReady: boolean) => {
        pool.environments.delete(environment);
        // If the environment never became ready, the next one would fail too.
        if (!wasReady) {
          for (const { reject } of pool.waiting.splice(0)) {
            reject(new FunctionError(reason, "Runtime.ExitError"));
          }
        }
        this.#dispatch(pool);
      },
      log: (line: string) =>
        this.options.log(`${pool.target.variables.POWERTOOLS_SERVICE_NAME}: ${line}`),
    };
    const environment = new LambdaEnvironment(pool.target, events, this.options.runtimeClient);
    pool.environments.add(environment);
  }
}

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  FunctionError,
  type Invocation,
  LambdaEnvironment,
  type LocalFunction,
} from "./lambda-environment.ts";
import { arnOf, REGION, type Template } from "./template.ts";
import { newTraceHeader } from "./trace-header.ts";

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Handler: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly Environment?: { readonly Variables: Record<string, string> };
}

interface Pool {
  readonly target: LocalFunction;
  readonly environments: Set<LambdaEnvironment>;
  readonly waiting: Invocation[];
}

/** How many environments of one function run at the same time. AWS would start one for each concurrent call. */
const CONCURRENCY = 4;

/** The template's functions, run from their bundles. */
export class LambdaFunctions {
  readonly #pools = new Map<string, Pool>();
  readonly #environments = new Map<string, LambdaEnvironment>();
  readonly #server: Server;
  #count = 0;
  #closed = false;

  private constructor(
    template: Template,
    endpoints: Readonly<Record<string, string>>,
    private readonly log: (line: string) => void,
    rewrite: (value: string) => string,
  ) {
    for (const { logicalId, properties } of template.resources<FunctionProperties>(
      "AWS::Lambda::Function",
    )) {
      const target: LocalFunction = {
        name: logicalId,
        arn: arnOf("lambda", `function:${logicalId}`),
        taskRoot: template.assetDirectory(properties.Code.S3Key),
        timeoutMs: (properties.Timeout ?? 3) * 1000,
        variables: {
          ...Object.fromEntries(
            Object.entries(properties.Environment?.Variables ?? {}).map(([name, value]) => [
              name,
              rewrite(value),
            ]),
          ),
          ...endpoints,
          _HANDLER: properties.Handler,
          AWS_REGION: REGION,
          // The called services use it to identify the function and the permissions of its role.
          AWS_ACCESS_KEY_ID: logicalId,
          AWS_SECRET_ACCESS_KEY: "local",
          AWS_LAMBDA_FUNCTION_NAME: logicalId,
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(properties.MemorySize ?? 128),
          AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
          AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
          NODE_NO_WARNINGS: "1",
        },
      };
      this.#pools.set(logicalId, { target, environments: new Set(), waiting: [] });
    }
    this.#server = createServer((request, response) => {
      const [, id = "", ...rest] = (request.url ?? "").split("/");
      const environment = this.#environments.get(id);
      if (environment) void environment.serve(`/${rest.join("/")}`, request, response);
      else response.writeHead(404).end();
    });
    // An idle environment waits for its next invocation without a limit.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
  }

  /**
   * Starts to serve the Runtime API. Environments start when they are first needed.
   *
   * @param rewrite what becomes of a variable of the template
   */
  static async start(
    template: Template,
    endpoints: Readonly<Record<string, string>>,
    log: (line: string) => void,
    rewrite: (value: string) => string = (value) => value,
  ): Promise<LambdaFunctions> {
    const functions = new LambdaFunctions(template, endpoints, log, rewrite);
    await new Promise<void>((resolve) => functions.#server.listen(0, "127.0.0.1", resolve));
    return functions;
  }

  /** The function's environment variables, as deployed. */
  variables(name: string): Readonly<Record<string, string>> {
    return this.#pool(name).target.variables;
  }

  /**
   * Invokes a function and waits for its answer.
   *
   * @param traceHeader the trace that the function continues; without it, a new trace begins
   * @throws FunctionError when the function throws, crashes or takes longer than its timeout
   */
  invoke(name: string, payload: unknown, traceHeader = newTraceHeader()): Promise<unknown> {
    const pool = this.#pool(name);
    return new Promise((resolve, reject) => {
      pool.waiting.push({ payload, traceHeader, resolve, reject });
      this.#dispatch(pool);
    });
  }

  /** Whether no invocation waits or is under way, nor the work that follows its response. */
  get isIdle(): boolean {
    return [...this.#pools.values()].every(
      ({ waiting, environments }) =>
        waiting.length === 0 && [...environments].every(({ ready }) => ready),
    );
  }

  /** Kills a function's environments in the middle of their work, as a crash would. */
  kill(name: string): void {
    for (const environment of [...this.#pool(name).environments]) environment.kill("killed");
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pool of this.#pools.values()) {
      for (const { reject } of pool.waiting.splice(0))
        reject(new FunctionError("closed", "Closed"));
      for (const environment of [...pool.environments]) environment.kill("closed");
    }
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pool(name: string): Pool {
    const pool = this.#pools.get(name);
    if (!pool) throw new Error(`there is no function ${name}`);
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
    this.#count += 1;
    const id = `environment-${this.#count}`;
    const { port } = this.#server.address() as AddressInfo;
    const environment = new LambdaEnvironment(pool.target, `127.0.0.1:${port}/${id}`, {
      onReady: () => this.#dispatch(pool),
      onEnd: (reason, wasReady) => {
        pool.environments.delete(environment);
        this.#environments.delete(id);
        // An environment that never became ready would fail the next time as well.
        if (!wasReady) {
          for (const { reject } of pool.waiting.splice(0)) {
            reject(new FunctionError(reason, "Runtime.ExitError"));
          }
        }
        this.#dispatch(pool);
      },
      log: (line) => this.log(`${pool.target.variables.POWERTOOLS_SERVICE_NAME}: ${line}`),
    });
    pool.environments.add(environment);
    this.#environments.set(id, environment);
  }
}

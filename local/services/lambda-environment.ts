import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readText } from "./aws-endpoint.ts";
import { type LambdaSandbox, startSandbox } from "./lambda-sandbox.ts";

/** The function settings that an execution environment needs. */
export interface LocalFunction {
  readonly name: string;
  readonly arn: string;
  readonly timeoutMs: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** Thrown when a function fails. API Gateway reads its `errorMessage`. */
export class FunctionError extends Error {
  constructor(
    readonly errorMessage: string,
    readonly errorType: string,
  ) {
    super(`${errorType}: ${errorMessage}`);
    this.name = "FunctionError";
  }
}

/**
 * Thrown when Lambda throttles an invocation because a concurrency limit is reached.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
 */
export class TooManyRequests extends FunctionError {
  constructor() {
    super("Rate Exceeded.", "TooManyRequestsException");
  }
}

/** An invocation that waits for an environment. */
export interface Invocation {
  readonly payload: unknown;
  /** X-Ray trace header that Lambda passes to the runtime. */
  readonly traceHeader: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: FunctionError) => void;
}

/** Lambda's limit. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_RESPONSE_BYTES = 6_291_556;

/**
 * An execution environment: a sandbox that runs the function's bundle, one invocation at a time. It serves the Runtime
 * API and the Extensions API. The caller receives the response as soon as the function returns it. The environment
 * takes the next invocation once the extension is also done, and is frozen between invocations.
 */
export class LambdaEnvironment {
  /** The Runtime API's address is only a host and port, without a path, so each environment needs its own server. */
  readonly #api: Server;
  #sandbox: LambdaSandbox | undefined;
  #current: (Invocation & { readonly id: string }) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #runtimeNext: ServerResponse | undefined;
  #extensionNext: ServerResponse | undefined;
  #extensionId: string | undefined;
  #wasReady = false;
  #busy = false;
  #dead = false;

  constructor(
    private readonly target: LocalFunction,
    private readonly events: {
      readonly onReady: () => void;
      readonly onEnd: (reason: string, wasReady: boolean) => void;
      readonly log: (line: string) => void;
    },
    runtimeClient: string | undefined,
  ) {
    this.#api = createServer((request, response) => {
      void this.#serve(request.url ?? "", request, response);
    });
    // Idle environments wait for the next invocation without a timeout.
    this.#api.requestTimeout = 0;
    this.#api.keepAliveTimeout = 0;
    this.#api.listen(0, "127.0.0.1", () => {
      if (this.#dead) return;
      const { port } = this.#api.address() as AddressInfo;
      const variables = {
        ...target.variables,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${target.name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: `[$LATEST]${randomUUID()}`,
      };
      const heard = { onExit: (reason: string) => this.kill(reason), onLine: events.log };
      this.#sandbox = startSandbox(variables, heard, runtimeClient);
    });
  }

  /** Whether the runtime, and the extension if there is one, are waiting for the next invocation. */
  get ready(): boolean {
    const extensionReady = this.#extensionId === undefined || this.#extensionNext !== undefined;
    return !this.#dead && this.#runtimeNext !== undefined && extensionReady;
  }

  /** Whether an invocation is running, or the extension is still working after the response. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Starts an invocation. The environment must be ready. */
  start(invocation: Invocation): void {
    this.#busy = true;
    this.#sandbox?.thaw();
    const id = randomUUID();
    const deadlineMs = Date.now() + this.target.timeoutMs;
    this.#current = { ...invocation, id };
    this.#deadline = setTimeout(
      () => this.kill(`Task timed out after ${this.target.timeoutMs / 1000} seconds`),
      this.target.timeoutMs,
    );
    const runtime = this.#runtimeNext;
    const extension = this.#extensionNext;
    this.#runtimeNext = undefined;
    this.#extensionNext = undefined;
    extension?.end(
      JSON.stringify({
        eventType: "INVOKE",
        requestId: id,
        deadlineMs,
        invokedFunctionArn: this.target.arn,
      }),
    );
    runtime?.writeHead(200, {
      "Content-Type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": id,
      "Lambda-Runtime-Deadline-Ms": String(deadlineMs),
      "Lambda-Runtime-Trace-Id": invocation.traceHeader,
      "Lambda-Runtime-Invoked-Function-Arn": this.target.arn,
    });
    runtime?.end(JSON.stringify(invocation.payload));
  }

  /** Serves one call to the Runtime API or the Extensions API. */
  async #serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path.endsWith("/runtime/invocation/next")) {
      this.#runtimeNext = response;
      this.#settled();
    } else if (path.endsWith("/extension/event/next")) {
      this.#extensionNext = response;
      this.#settled();
    } else if (path.endsWith("/extension/register")) {
      this.#extensionId = randomUUID();
      response.writeHead(200, { "Lambda-Extension-Identifier": this.#extensionId });
      response.end(JSON.stringify({ functionName: this.target.name, functionVersion: "$LATEST" }));
    } else {
      const text = await readText(request);
      response.writeHead(202).end();
      if (Buffer.byteLength(text) > MAX_RESPONSE_BYTES) {
        const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`;
        this.#answer(`${path}/error`, { errorMessage, errorType: "Function.ResponseSizeTooLarge" });
      } else {
        this.#answer(path, JSON.parse(text || "null"));
      }
    }
  }

  /** Stops the environment immediately, as a crash or a timeout does. */
  kill(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#busy = false;
    clearTimeout(this.#deadline);
    this.#current?.reject(new FunctionError(reason, "Sandbox.Timedout"));
    this.#current = undefined;
    this.#sandbox?.end();
    this.#api.close();
    this.#api.closeAllConnections();
    this.events.onEnd(reason, this.#wasReady);
  }

  #answer(path: string, body: unknown): void {
    if (path.endsWith("/init/error")) {
      this.kill(
        `the function could not be started: ${(body as { errorMessage: string }).errorMessage}`,
      );
      return;
    }
    const current = this.#current;
    this.#current = undefined;
    if (path.endsWith("/error")) {
      const { errorMessage, errorType } = body as { errorMessage: string; errorType: string };
      current?.reject(new FunctionError(errorMessage, errorType));
    } else {
      current?.resolve(body);
    }
  }

  #settled(): void {
    if (!this.ready) return;
    this.#wasReady = true;
    this.#busy = false;
    clearTimeout(this.#deadline);
    this.#sandbox?.freeze();
    this.events.onReady();
  }
}

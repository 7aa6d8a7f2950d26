import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../shared/core/logger.ts";
import type { Caller } from "../http/caller.ts";
import { type CheckedCall, createCallCheck } from "../http/check-call.ts";
import type { AdapterContext, DecidedCall } from "../http/decide.ts";
import type { McpOptions } from "../http/mcp-options.ts";
import { type AdapterEnvironment, openAdapter } from "../http/open-adapter.ts";
import type { HttpAnswer } from "../http/refusal.ts";
import { type Batching, createBatchingSink } from "./batching-sink.ts";
import { fromFetchRequest, fromNodeRequest, type ServerRequest } from "./node-request.ts";
import { rpcOfFetchRequest, rpcOfNodeRequest } from "./read-body.ts";

/** What the middleware checks, and how it connects. */
export interface NodeMiddlewareOptions {
  /**
   * The variables of `OAuthMonitoring.environment`.
   *
   * @default process.env
   */
  readonly environment?: AdapterEnvironment;
  /**
   * Where failures are told, and events that could not be published.
   *
   * @default console
   */
  readonly logger?: Logger;
  /**
   * How many proxies stand in front of the server, each of which adds an address to `X-Forwarded-For`: 1 behind a
   * load balancer. With too many, callers could choose their own address.
   *
   * @default 0
   */
  readonly trustedProxies?: number;
  /**
   * The origin that callers use, such as `https://api.example.com`, by which proofs of possession are checked.
   *
   * @default - the origin of `mcp.resource`, or none
   */
  readonly publicOrigin?: string;
  /**
   * The header in which the last proxy puts the caller's TLS certificate, percent-encoded. Name it only where every
   * call comes through that proxy: anybody else could send it.
   *
   * @default - none
   */
  readonly clientCertificateHeader?: string;
  /**
   * The MCP server that is protected.
   *
   * @default - it is none
   */
  readonly mcp?: McpOptions;
  /**
   * How events are gathered.
   *
   * @default - a hundred events or a second, whichever comes first
   */
  readonly batching?: Batching;
}

/** Protects and monitors a server. */
export interface NodeMonitoring {
  /**
   * A middleware of Node's HTTP server, Express, Connect and their like. It answers a refused call itself.
   * `callerOf` of the request names the caller.
   */
  readonly middleware: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: Error) => void,
  ) => void;
  /**
   * Checks a request of the fetch standard.
   *
   * @param connection `ip` is the address of the connection
   * @returns the answer to a refused call, or who calls
   */
  check(request: Request, connection: { readonly ip: string }): Promise<Response | Caller>;
  /** Publishes what has been gathered; resolves when it is done. */
  flush(): Promise<void>;
}

const callers = new WeakMap<object, Caller>();

/** Who calls, by a request that the middleware or `check` let in; undefined for any other. */
export function callerOf(request: IncomingMessage | Request): Caller | undefined {
  return callers.get(request);
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer, isHead: boolean) {
  response.writeHead(status, headers);
  response.end(isHead ? undefined : body);
}

/**
 * Protects and monitors a Node.js server in a container. It refuses a call as RFC 6750 asks, in a problem
 * document (RFC 9457). Events are published in batches while nobody waits for them. Call `flush` when the server
 * has closed; a process that runs out of work flushes by itself.
 *
 * The task needs `OAuthMonitoring.environment` and `grantAuthorize`.
 *
 * @example
 * ```typescript
 * const monitoring = await oauthMonitoring({ trustedProxies: 1 });
 * app.use(monitoring.middleware);
 * process.once("SIGTERM", () => server.close(() => monitoring.flush()));
 * ```
 * @throws InvalidConfigError naming each variable that is missing or wrong; InvalidInputError naming each wrong
 * option of `mcp`
 */
export async function oauthMonitoring(
  options: NodeMiddlewareOptions = {},
): Promise<NodeMonitoring> {
  const { environment = process.env, logger = console } = options;
  return protectServer(await openAdapter({ environment, logger, canGiveNonces: true }), options);
}

/** Protects a server by an adapter that is open already. */
export function protectServer(
  adapter: AdapterContext,
  options: NodeMiddlewareOptions,
): NodeMonitoring {
  const { logger } = adapter;
  const batches = createBatchingSink(adapter.sink, logger, options.batching);
  const calls = createCallCheck({ ...adapter, sink: batches }, options.mcp);
  const front = {
    trustedProxies: options.trustedProxies ?? 0,
    publicOrigin: options.publicOrigin ?? calls.mcpOrigin,
    clientCertificateHeader: options.clientCertificateHeader,
  };
  const tracking = new Set<Promise<void>>();

  /** Makes the events of a call once its answer is under way. */
  function trackLater({ track, publish }: DecidedCall): void {
    const done = new Promise((resolve) => setImmediate(resolve)).then(async () => {
      await track((error) => {
        logger.error("Work after the response failed", { cause: String(error) });
      });
      await publish();
    });
    tracking.add(done);
    void done.finally(() => tracking.delete(done));
  }

  async function check(
    request: ReturnType<typeof fromNodeRequest>,
    readRpc: () => Promise<unknown>,
  ): Promise<CheckedCall> {
    const metadata = calls.metadata(request.method, request.path);
    if (metadata) return { answer: metadata };
    const checked = await calls.check(request, readRpc);
    if (checked.decided) trackLater(checked.decided);
    return checked;
  }

  async function handle(request: ServerRequest, response: ServerResponse): Promise<boolean> {
    const { caller, answer } = await check(fromNodeRequest(request, front), () =>
      rpcOfNodeRequest(request),
    );
    if (caller) callers.set(request, caller);
    if (answer) send(response, answer, request.method === "HEAD");
    return answer === undefined;
  }

  async function flush(): Promise<void> {
    await Promise.allSettled(tracking);
    await batches.flush();
  }
  process.once("beforeExit", () => void flush());

  return {
    middleware: (request, response, next) => {
      handle(request, response).then(
        (goesOn) => {
          if (goesOn) next();
        },
        (error: unknown) => next(error instanceof Error ? error : new Error(String(error))),
      );
    },
    async check(request, { ip }) {
      const { caller, answer } = await check(fromFetchRequest(request, ip, front), () =>
        rpcOfFetchRequest(request),
      );
      if (caller) {
        callers.set(request, caller);
        return caller;
      }
      const { status = 503, headers = {}, body = "" } = answer ?? {};
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    },
    flush,
  };
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../shared/core/telemetry.ts";
import { type CheckedCall, createCallCheck } from "../http/check-call.ts";
import type { AdapterContext, Caller, DecidedCall } from "../http/decide.ts";
import type { HttpAnswer } from "../http/denial.ts";
import type { McpOptions } from "../http/mcp-options.ts";
import { type AdapterEnvironment, openAdapter } from "../http/open-adapter.ts";
import { type Batching, createBatchingSink } from "./batching-sink.ts";
import {
  fromFetchRequest,
  fromNodeRequest,
  rpcOfFetchRequest,
  rpcOfNodeRequest,
  type ServerRequest,
} from "./node-request.ts";

/** Options of the Node.js adapter. */
export interface NodeMiddlewareOptions {
  /**
   * The variables of `OAuthMonitoring.environment`.
   *
   * @default process.env
   */
  readonly environment?: AdapterEnvironment;
  /**
   * Logs failures, and events that couldn't be published.
   *
   * @default console
   */
  readonly logger?: Logger;
  /**
   * Number of proxies in front of the server, such as 1 for a load balancer. Each proxy appends an address to
   * `X-Forwarded-For`. If the number is too high, callers can forge their address.
   *
   * @default 0
   */
  readonly trustedProxies?: number;
  /**
   * The origin that clients use, such as `https://api.example.com`. Needed to verify DPoP proofs.
   *
   * @default - the origin of `mcp.resource`, or none
   */
  readonly publicOrigin?: string;
  /**
   * The header in which the last proxy passes the client certificate, percent-encoded. Set it only if all calls go
   * through that proxy; otherwise callers can forge the header.
   *
   * @default - none
   */
  readonly clientCertificateHeader?: string;
  /**
   * Settings for a server that is an MCP server.
   *
   * @default - the server isn't an MCP server
   */
  readonly mcp?: McpOptions;
  /**
   * How events are batched.
   *
   * @default - publishes after 100 events or one second, whichever comes first
   */
  readonly batching?: Batching;
}

/** Protects and monitors a server. */
export interface NodeMonitoring {
  /**
   * Middleware for Node's HTTP server, Express, Connect and compatible frameworks. It sends the response to a
   * denied call itself. For an allowed call, `getCaller(request)` returns the caller.
   */
  readonly middleware: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: Error) => void,
  ) => void;
  /**
   * Checks a Fetch API request.
   *
   * @param connection `ip` is the address of the TCP connection
   * @returns the response to send for a denied call, or the caller of an allowed call
   * @example
   * ```typescript
   * const outcome = await monitoring.check(request, { ip });
   * if (outcome instanceof Response) return outcome;
   * ```
   */
  check(request: Request, connection: { readonly ip: string }): Promise<Response | Caller>;
  /** Publishes all waiting events. Resolves when they are published. */
  flush(): Promise<void>;
}

const callers = new WeakMap<object, Caller>();

/**
 * Returns the caller of a request that the middleware or `check` allowed. Returns undefined for any other request.
 *
 * @example
 * ```typescript
 * app.get("/orders", (request, response) => {
 *   response.json({ user: getCaller(request)?.user_id });
 * });
 * ```
 */
export function getCaller(request: IncomingMessage | Request): Caller | undefined {
  return callers.get(request);
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer, isHead: boolean) {
  response.writeHead(status, headers);
  response.end(isHead ? undefined : body);
}

/**
 * Protects and monitors a Node.js server in a container. Denied calls receive an RFC 6750 challenge and a problem
 * document (RFC 9457). Events are published in batches in the background. Call `flush` after closing the server. A
 * process that exits because its event loop is empty flushes automatically.
 *
 * The task needs `OAuthMonitoring.environment` and `grantAuthorize`.
 *
 * @example
 * ```typescript
 * const monitoring = await oauthMonitoring({ trustedProxies: 1 });
 * app.use(monitoring.middleware);
 * process.once("SIGTERM", () => server.close(() => monitoring.flush()));
 * ```
 * @throws InvalidConfigError naming each missing or invalid variable
 * @throws InvalidInputError naming each invalid option of `mcp`
 */
export async function oauthMonitoring(
  options: NodeMiddlewareOptions = {},
): Promise<NodeMonitoring> {
  const { environment = process.env, logger = console } = options;
  return protectServer(await openAdapter({ environment, logger, canGiveNonces: true }), options);
}

/** Protects a server with an adapter that is already open. */
export function protectServer(
  adapter: AdapterContext,
  options: NodeMiddlewareOptions,
): NodeMonitoring {
  const { logger } = adapter;
  const batches = createBatchingSink(adapter.sink, logger, options.batching);
  const calls = createCallCheck({ ...adapter, sink: batches }, options.mcp);
  const proxySettings = {
    trustedProxies: options.trustedProxies ?? 0,
    publicOrigin: options.publicOrigin ?? calls.mcpOrigin,
    clientCertificateHeader: options.clientCertificateHeader,
  };
  const tracking = new Set<Promise<void>>();

  /** Tracks a call after its response was sent. */
  function trackLater({ track, publish }: DecidedCall): void {
    const done = new Promise((resolve) => setImmediate(resolve)).then(async () => {
      await track((error) => {
        logger.error("Processing after the response failed", { cause: String(error) });
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
    const { caller, answer } = await check(fromNodeRequest(request, proxySettings), () =>
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
        (isAllowed) => {
          if (isAllowed) next();
        },
        (error: unknown) => next(error instanceof Error ? error : new Error(String(error))),
      );
    },
    async check(request, { ip }) {
      const { caller, answer } = await check(fromFetchRequest(request, ip, proxySettings), () =>
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

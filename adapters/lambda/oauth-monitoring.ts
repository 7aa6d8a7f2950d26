import type { Logger } from "../../shared/core/telemetry.ts";
import { type CheckedCall, createCallCheck } from "../http/check-call.ts";
import type { McpOptions } from "../http/mcp-options.ts";
import { type AdapterEnvironment, openAdapter } from "../http/open-adapter.ts";
import { parseRpcBody } from "../http/rpc-call.ts";
import { registerInternalExtension, responsePosted } from "./internal-extension.ts";
import { readInvokedCall } from "./invoked-call.ts";

/** Options of the Lambda middleware. */
export interface LambdaMiddlewareOptions {
  /**
   * The variables of `OAuthMonitoring.environment`.
   *
   * @default process.env
   */
  readonly environment?: AdapterEnvironment;
  /**
   * Logs failures.
   *
   * @default console
   */
  readonly logger?: Logger;
  /**
   * Settings for a function that is an MCP server.
   *
   * @default - the function isn't an MCP server
   */
  readonly mcp?: McpOptions;
  /**
   * The origin that clients use, such as `https://api.example.com`, if the function is behind a load balancer. Needed
   * to verify DPoP proofs. Events from other sources contain the origin.
   *
   * @default - the origin of `mcp.resource`, or none
   */
  readonly publicOrigin?: string;
  /**
   * Number of proxies in front of the function URL, API or load balancer, such as 1 for CloudFront. Each proxy appends
   * an address to `X-Forwarded-For`. If the number is too high, callers can forge their address.
   *
   * @default - `clientAddress.trustedProxies` of the configuration
   */
  readonly trustedProxies?: number;
  /**
   * The header in which a load balancer with mutual TLS passes the client certificate. Set it only if all calls go
   * through that load balancer; otherwise callers can forge the header.
   *
   * @default - none
   */
  readonly clientCertificateHeader?: string;
}

/** The request that middy passes to its middlewares. */
export interface LambdaMiddlewareRequest {
  /** The event of the function. */
  readonly event: unknown;
  /** The Lambda context. */
  readonly context: {
    /** The ID of the invocation. */
    readonly awsRequestId: string;
  };
}

/** A middy middleware. */
export interface LambdaMiddleware {
  /** Checks the call. Returning a response, as for a denied call, makes middy skip the handler. */
  before(request: LambdaMiddlewareRequest): Promise<object | undefined>;
  /** Records that the handler has returned. */
  after(request: LambdaMiddlewareRequest): void;
  /** Records that the handler has failed. */
  onError(request: LambdaMiddlewareRequest): void;
}

/**
 * Milliseconds that the extension waits for the middleware, and that publishing waits for the handler. If the handler
 * is fast, events are published after the response. If it is slow, they are published while it runs, so that a timeout
 * doesn't lose them.
 */
const MAX_WAIT_MS = 100;

/** Resolves when the handler's response is posted, or after `MAX_WAIT_MS`. */
function handlerDone(): { readonly settle: () => void; readonly waited: () => Promise<void> } {
  let settle = () => {};
  const done = new Promise<void>((resolve) => (settle = resolve)).then(responsePosted);
  return {
    settle,
    async waited() {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, MAX_WAIT_MS)));
      await Promise.race([done, timeout]);
      clearTimeout(timer);
    },
  };
}

/** Adds the caller to the event's `authorizer` field, as an authorizer would. */
function addCaller(event: unknown, authorizer: object): void {
  const { requestContext } = event as { readonly requestContext: { authorizer?: object } };
  requestContext.authorizer = { ...requestContext.authorizer, ...authorizer };
}

/**
 * Creates a middy middleware that protects and monitors a function that is invoked by a function URL, a load balancer,
 * an HTTP API or a REST API. Denied calls receive an RFC 6750 challenge and a problem document (RFC 9457). An internal
 * extension publishes the events after the response. Without the Extensions API, the middleware publishes them before
 * the response.
 *
 * The function needs `OAuthMonitoring.environment` and `grantAuthorize`. Await this call during initialization,
 * because Lambda accepts extensions only then.
 *
 * @example
 * ```typescript
 * export const handler = middy()
 *   .use(await oauthMonitoring())
 *   .handler(async (event) => ({ statusCode: 200, body: `Hello ${getCaller(event)?.user_id}` }));
 * ```
 * @throws InvalidConfigError naming each missing or invalid variable
 * @throws InvalidInputError naming each invalid option. The middleware also throws it for an event from any other
 * source.
 */
export async function oauthMonitoring(
  options: LambdaMiddlewareOptions = {},
): Promise<LambdaMiddleware> {
  const { environment = process.env, logger = console, clientCertificateHeader } = options;
  const adapter = await openAdapter({ environment, logger, canGiveNonces: true });
  const calls = createCallCheck(adapter, options.mcp);
  const { clientAddress } = adapter.config;
  const addresses = {
    ...clientAddress,
    trustedProxies: options.trustedProxies ?? clientAddress.trustedProxies,
  };
  const publicOrigin = options.publicOrigin ?? calls.mcpOrigin;
  const fail = (error: unknown) =>
    logger.error("Processing after the response failed", { cause: String(error) });
  const afterResponse = await registerInternalExtension(environment.AWS_LAMBDA_RUNTIME_API, fail, {
    maxWaitMs: MAX_WAIT_MS,
  });
  const running = new WeakMap<object, () => void>();
  const settle = (request: LambdaMiddlewareRequest) => running.get(request)?.();

  return {
    async before(request) {
      const { awsRequestId } = request.context;
      const isDeferred = afterResponse.announce(awsRequestId);
      const { settle: done, waited } = handlerDone();
      running.set(request, done);
      let checked: CheckedCall = {};
      try {
        const call = readInvokedCall(request.event, addresses, {
          publicOrigin,
          clientCertificateHeader,
        });
        const { method, path } = call.request;
        const metadata = calls.metadata(method, path);
        checked = metadata
          ? { answer: metadata }
          : await calls.check(call.request, async () => parseRpcBody(call.readBody()));
        const { caller, answer } = checked;
        if (caller) addCaller(request.event, call.authorizer(caller));
        if (!answer) return undefined;
        done();
        return call.respond(answer);
      } finally {
        const { decided } = checked;
        await afterResponse.run(async () => {
          if (isDeferred) await waited();
          await decided?.track(fail);
          await decided?.publish().catch(fail);
        }, awsRequestId);
      }
    },
    after: settle,
    onError: settle,
  };
}

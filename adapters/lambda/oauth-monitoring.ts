import type { Logger } from "../../shared/core/logger.ts";
import { type CheckedCall, createCallCheck } from "../http/check-call.ts";
import type { McpOptions } from "../http/mcp-options.ts";
import { type AdapterEnvironment, openAdapter } from "../http/open-adapter.ts";
import { parseRpcBody } from "../http/rpc-call.ts";
import { registerInternalExtension, responsePosted } from "./internal-extension.ts";
import { readInvokedCall } from "./invoked-call.ts";

/** What the middleware checks, and how it connects. */
export interface LambdaMiddlewareOptions {
  /**
   * The variables of `OAuthMonitoring.environment`.
   *
   * @default process.env
   */
  readonly environment?: AdapterEnvironment;
  /**
   * Where failures are told.
   *
   * @default console
   */
  readonly logger?: Logger;
  /**
   * The MCP server that the function is.
   *
   * @default - it is none
   */
  readonly mcp?: McpOptions;
  /**
   * The origin that callers of a load balancer use, such as `https://api.example.com`, by which proofs of
   * possession are checked. The other sources name it themselves.
   *
   * @default - the origin of `mcp.resource`, or none
   */
  readonly publicOrigin?: string;
  /**
   * Number of proxies in front of the function URL, API or load balancer, such as 1 for CloudFront. Each adds an address
   * to `X-Forwarded-For`. With too many, callers could choose their own address.
   *
   * @default - `clientAddress.trustedProxies` of the configuration
   */
  readonly trustedProxies?: number;
  /**
   * The header in which a load balancer with mutual TLS puts the caller's certificate. Name it only where every
   * call comes through that load balancer: anybody else could send it.
   *
   * @default - none
   */
  readonly clientCertificateHeader?: string;
}

/** A request as middy hands it to its middlewares. */
export interface LambdaMiddlewareRequest {
  /** The function's event. */
  readonly event: unknown;
  /** Lambda's context. */
  readonly context: {
    /** The invocation's id. */
    readonly awsRequestId: string;
  };
}

/** A middleware of middy. */
export interface LambdaMiddleware {
  /** Decides about the call. What it returns is the answer to a refused call. */
  before(request: LambdaMiddlewareRequest): Promise<object | undefined>;
  /** Notes that the handler is done. */
  after(request: LambdaMiddlewareRequest): void;
  /** Notes that the handler has failed. */
  onError(request: LambdaMiddlewareRequest): void;
}

/**
 * Milliseconds that the extension waits for the middleware, and the events for the handler. A quick handler's
 * events go out after its response. A slow one's go out meanwhile, so that they outlive its timeout.
 */
const PATIENCE_MS = 100;

/** Resolves when the handler is done and its response is posted, or after `PATIENCE_MS`. */
function handlerDone(): { readonly settle: () => void; readonly waited: () => Promise<void> } {
  let settle = () => {};
  const done = new Promise<void>((resolve) => (settle = resolve)).then(responsePosted);
  return {
    settle,
    async waited() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
      await Promise.race([done, patience]);
      clearTimeout(timer);
    },
  };
}

/** Adds to an event what it would say behind an authorizer. */
function introduce(event: unknown, authorizer: object): void {
  const { requestContext } = event as { readonly requestContext: { authorizer?: object } };
  requestContext.authorizer = { ...requestContext.authorizer, ...authorizer };
}

/**
 * A middleware of middy that protects and monitors any function with an HTTP event: of a function URL, a load
 * balancer, an HTTP API or a REST API. It refuses a call as RFC 6750 asks, in a problem document (RFC 9457),
 * and publishes its events after the response, by an internal extension. Where Lambda has no Extensions API, it
 * publishes them before the response.
 *
 * The function needs `OAuthMonitoring.environment` and `grantAuthorize`. An extension registers while a
 * function initializes, so the middleware has to be awaited there.
 *
 * @example
 * ```typescript
 * export const handler = middy()
 *   .use(await oauthMonitoring())
 *   .handler(async (event) => ({ statusCode: 200, body: `Hello ${callerOf(event)?.user_id}` }));
 * ```
 * @throws InvalidConfigError naming each variable that is missing or wrong; InvalidInputError naming each wrong
 * option. The middleware itself throws InvalidInputError for an event of another kind.
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
    logger.error("Work after the response failed", { cause: String(error) });
  const afterResponse = await registerInternalExtension(environment.AWS_LAMBDA_RUNTIME_API, fail, {
    patienceMs: PATIENCE_MS,
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
        if (caller) introduce(request.event, call.authorizer(caller));
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

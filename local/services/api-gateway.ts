import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { APIGatewayAuthorizerResult, APIGatewayProxyResult } from "aws-lambda";
import { findRoute, type Route, type RouteMatch, readRoutes } from "./api-routes.ts";
import { newTraceHeader, renameHeaders, sourceIp } from "./gateway-headers.ts";
import { type GatewayContext, GatewayResponses } from "./gateway-responses.ts";
import { bodyBytes, logTime } from "./http-payload.ts";
import { FunctionError } from "./lambda-environment.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import { ACCOUNT, getArn, type Template } from "./template.ts";

/** API Gateway's limits. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
export const MAX_HEADER_BYTES = 10_240;
const MAX_METHOD_ARN = 1600;
const MAX_AUTHORIZER_RESULT_BYTES = 8192;
/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html */
const MAX_POLICY_RESOURCE = 512;

/** Makes API Gateway send the gateway response of this type. */
class GatewayRejection extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly authorizer: Record<string, string> = {},
  ) {
    super(message);
  }
}

const TOO_LARGE = () => new GatewayRejection("REQUEST_TOO_LARGE", "Request Entity Too Large");

/** Returns the size in bytes of the request line and all header values. */
function headerBytes(request: IncomingMessage): number {
  const values = request.rawHeaders.filter((_, index) => index % 2 === 1);
  const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
  return [line, ...values].reduce((sum, text) => sum + Buffer.byteLength(text, "latin1"), 0);
}

/**
 * Returns API Gateway's error for an unknown route. For an unknown route, API Gateway treats every Authorization header
 * as a signature and repeats it in the message, including secrets.
 */
function noSuchRoute({ headers: { authorization } }: IncomingMessage): GatewayRejection {
  if (authorization === undefined) {
    return new GatewayRejection("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token");
  }
  const [, word = ""] = authorization.split(" ");
  return new GatewayRejection(
    "INVALID_SIGNATURE",
    `'${word}' not a valid key=value pair (missing equal-sign) in Authorization header: '${authorization}'.`,
  );
}

type Multi = Record<string, string[]>;

function readHeaders(request: IncomingMessage): Multi {
  const headers: Multi = Object.create(null);
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string;
    headers[name] = [...(headers[name] ?? []), request.rawHeaders[index + 1] as string];
  }
  return headers;
}

function parseQuery(url: URL): Multi | null {
  // Has no prototype, because a query parameter can have a name like `constructor`.
  const query: Multi = Object.create(null);
  for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value];
  return Object.keys(query).length > 0 ? query : null;
}

function getLast(values: Multi | null): Record<string, string> | null {
  if (!values) return null;
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.at(-1) ?? ""]));
}

function acceptsGzip(request: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(request.headers["accept-encoding"]));
}

/** Options for serving a REST API. */
export interface ApiGatewayOptions {
  readonly trustForwardedFor?: boolean | undefined;
  /** Base path of a custom domain's API mapping, such as `/ops`. */
  readonly basePath?: string | undefined;
}

/**
 * Returns the path inside the API. API Gateway ignores repeated slashes at the start.
 * https://github.com/localstack/localstack/issues/11253
 *
 * @returns undefined for a path outside the API mapping
 */
function pathInApi(path: string, basePath: string): string | undefined {
  if (path !== basePath && !path.startsWith(`${basePath}/`)) return undefined;
  return path.slice(basePath.length).replace(/^\/*/, "/");
}

/** Serves HTTP requests like the template's REST API. Calls the method's authorizer first. */
export class ApiGateway {
  readonly #routes: readonly Route[];
  readonly #responses: GatewayResponses;
  readonly #stage: string;
  readonly #minimumCompressionBytes: number;

  constructor(
    template: Template,
    private readonly functions: LambdaFunctions,
    private readonly options: ApiGatewayOptions = {},
  ) {
    this.#routes = readRoutes(template);
    this.#responses = new GatewayResponses(template);
    this.#stage = template.only<{ StageName: string }>(
      "AWS::ApiGateway::Stage",
    ).properties.StageName;
    this.#minimumCompressionBytes =
      template.only<{ MinimumCompressionSize?: number }>("AWS::ApiGateway::RestApi").properties
        .MinimumCompressionSize ?? Number.POSITIVE_INFINITY;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    if (headerBytes(request) > MAX_HEADER_BYTES) {
      // API Gateway rejects the request before it knows which API is being called, so no gateway response applies.
      response.writeHead(431, { "Content-Type": "application/json" });
      response.end('{"message":"Request Header Fields Too Large"}');
      return;
    }
    try {
      const result = await this.#respond(request, requestId);
      const headers = {
        ...renameHeaders({ ...result.headers, ...result.multiValueHeaders }),
        "x-amzn-requestid": requestId,
      } as Record<string, string | string[]>;
      const body = Buffer.from(result.body, result.isBase64Encoded ? "base64" : "utf8");
      const compressed = body.length >= this.#minimumCompressionBytes && acceptsGzip(request);
      if (compressed) headers["Content-Encoding"] = "gzip";
      response.writeHead(result.statusCode, headers);
      response.end(compressed ? gzipSync(body) : body);
    } catch (error) {
      const rejection =
        error instanceof GatewayRejection
          ? error
          : new GatewayRejection("INTEGRATION_FAILURE", "Internal server error");
      const context: GatewayContext = {
        requestId,
        message: rejection.message,
        headers: request.headers,
        authorizer: rejection.authorizer,
      };
      const answer = this.#responses.render(rejection.type, context);
      response.writeHead(answer.status, { ...answer.headers, "x-amzn-requestid": requestId });
      response.end(answer.body);
    }
  }

  async #respond(request: IncomingMessage, requestId: string): Promise<APIGatewayProxyResult> {
    // `new URL(path, base)` would resolve dot segments, which API Gateway keeps.
    const [calledPath = "/", query = ""] = (request.url ?? "/").split(/\?(.*)/s);
    const path = pathInApi(calledPath, this.options.basePath ?? "");
    const match =
      path === undefined ? undefined : findRoute(this.#routes, request.method ?? "GET", path);
    if (path === undefined || !match) throw noSuchRoute(request);
    const body = await bodyBytes(request, TOO_LARGE);
    const url = new URL(`http://local/?${query}`);
    const event = this.#event(request, requestId, { path, calledPath }, url, match);
    const { authorizerName, functionName } = match.route;
    const trace = newTraceHeader();
    const authorizer =
      authorizerName && (await this.#authorize(authorizerName, event, path, trace));
    const payload = {
      ...event,
      requestContext: { ...event.requestContext, ...(authorizer && { authorizer }) },
      body: body.length > 0 ? body.toString("utf8") : null,
      isBase64Encoded: false,
    };
    const answer = await this.functions.invoke(functionName, payload, trace);
    const result = answer as APIGatewayProxyResult | null;
    if (typeof result?.statusCode !== "number" || typeof result.body !== "string") {
      throw new GatewayRejection("INTEGRATION_FAILURE", "Internal server error");
    }
    return result;
  }

  #event(
    request: IncomingMessage,
    requestId: string,
    { path, calledPath }: { readonly path: string; readonly calledPath: string },
    url: URL,
    match: RouteMatch,
  ) {
    const multiValueHeaders = readHeaders(request);
    const query = parseQuery(url);
    const { resource } = match.route;
    const nowMs = Date.now();
    // https://github.com/aws-powertools/powertools-lambda-python/issues/576
    const { basePath } = this.options;
    return {
      resource,
      path: basePath === undefined ? path : calledPath,
      httpMethod: request.method ?? "GET",
      headers: getLast(multiValueHeaders),
      multiValueHeaders,
      queryStringParameters: getLast(query),
      multiValueQueryStringParameters: query,
      pathParameters: match.pathParameters,
      stageVariables: null,
      requestContext: {
        accountId: ACCOUNT,
        apiId: "local",
        stage: this.#stage,
        protocol: `HTTP/${request.httpVersion}`,
        requestId,
        extendedRequestId: requestId,
        requestTime: logTime(nowMs),
        requestTimeEpoch: nowMs,
        resourcePath: resource,
        httpMethod: request.method ?? "GET",
        path: basePath === undefined ? `/${this.#stage}${calledPath}` : calledPath,
        identity: {
          sourceIp: sourceIp(request, this.options.trustForwardedFor ?? false),
          userAgent: request.headers["user-agent"] ?? null,
        },
      },
    };
  }

  /** Calls the authorizer and returns its context for the integration. */
  async #authorize(
    functionName: string,
    event: { readonly httpMethod: string },
    path: string,
    trace: string,
  ): Promise<Record<string, string | number>> {
    const startedMs = Date.now();
    const methodArn = getArn("execute-api", `local/${this.#stage}/${event.httpMethod}${path}`);
    if (methodArn.length > MAX_METHOD_ARN) {
      throw new GatewayRejection("REQUEST_URI_TOO_LONG", "Request URI too long");
    }
    let result: APIGatewayAuthorizerResult | null;
    try {
      const payload = { type: "REQUEST", methodArn, ...event, stageVariables: {} };
      result = (await this.functions.invoke(
        functionName,
        payload,
        trace,
      )) as APIGatewayAuthorizerResult | null;
    } catch (error) {
      if (error instanceof FunctionError && error.errorMessage === "Unauthorized") {
        throw new GatewayRejection("UNAUTHORIZED", "Unauthorized");
      }
      throw new GatewayRejection("AUTHORIZER_FAILURE", "Internal server error");
    }
    const [statement] = result?.policyDocument?.Statement ?? [];
    const context = Object.entries(result?.context ?? {});
    const plain = context.every(([, value]) =>
      ["string", "number", "boolean"].includes(typeof value),
    );
    const resource = statement && "Resource" in statement ? String(statement.Resource) : "";
    const fits =
      resource.length <= MAX_POLICY_RESOURCE &&
      Buffer.byteLength(JSON.stringify(result)) <= MAX_AUTHORIZER_RESULT_BYTES;
    if (!result?.principalId || !statement || !plain || !fits) {
      throw new GatewayRejection("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error");
    }
    const values = Object.fromEntries(context.map(([name, value]) => [name, String(value)]));
    const covered = resource.endsWith("*")
      ? methodArn.startsWith(resource.slice(0, -1))
      : methodArn === resource;
    if (statement.Effect !== "Allow" || !covered) {
      throw new GatewayRejection(
        "ACCESS_DENIED",
        "User is not authorized to access this resource",
        values,
      );
    }
    const integrationLatency = Date.now() - startedMs;
    return { ...values, principalId: result.principalId, integrationLatency };
  }
}

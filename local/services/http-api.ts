import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiGatewayOptions } from "./api-gateway.ts";
import { findRoute, type RouteMatch } from "./api-routes.ts";
import { newTraceHeader, sourceIp } from "./gateway-headers.ts";
import {
  type EventSource,
  HttpRejection,
  httpPayload,
  readBody,
  sendAnswer,
  sendRejection,
} from "./http-payload.ts";
import { FunctionError } from "./lambda-environment.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import { ACCOUNT, getArn, logicalIdOfArn, REGION, type Template } from "./template.ts";

interface RouteProperties {
  readonly ApiId: string;
  readonly RouteKey: string;
  readonly Target: string;
  readonly AuthorizationType?: string;
  readonly AuthorizerId?: string;
}

interface IntegrationProperties {
  readonly IntegrationType: string;
  readonly IntegrationUri: string;
  readonly PayloadFormatVersion?: string;
}

interface AuthorizerProperties {
  readonly AuthorizerUri: string;
  readonly IdentitySource?: readonly string[];
  readonly EnableSimpleResponses?: boolean;
  readonly AuthorizerPayloadFormatVersion?: string;
  readonly AuthorizerResultTtlInSeconds?: number;
}

interface Authorizer {
  readonly functionName: string;
  readonly identitySource: readonly string[];
}

/** A route of an HTTP API. */
interface HttpRoute {
  readonly routeKey: string;
  readonly method: string;
  readonly resource: string;
  readonly functionName: string;
  readonly authorizer: Authorizer | undefined;
}

const UNAUTHORIZED = () => new HttpRejection(401, "Unauthorized");
const FAILED = () => new HttpRejection(500, "Internal Server Error");

function unsupported(feature: string): Error {
  return new Error(`the local stack does not support ${feature}`);
}

function readAuthorizers(template: Template): Map<string, Authorizer> {
  const all = template.resources<AuthorizerProperties>("AWS::ApiGatewayV2::Authorizer");
  return new Map(
    all.map(({ logicalId, properties }) => {
      const { AuthorizerPayloadFormatVersion: version, EnableSimpleResponses } = properties;
      if (version !== "2.0" || !EnableSimpleResponses) {
        throw unsupported("authorizers of HTTP APIs without simple responses");
      }
      if (properties.AuthorizerResultTtlInSeconds !== 0) {
        throw unsupported("authorizers of HTTP APIs with a cache");
      }
      return [
        logicalId,
        {
          functionName: logicalIdOfArn(properties.AuthorizerUri),
          identitySource: properties.IdentitySource ?? [],
        },
      ];
    }),
  );
}

/** Returns the routes of the template's HTTP APIs, by API. */
function readHttpRoutes(template: Template): Map<string, HttpRoute[]> {
  const integrations = new Map(
    template
      .resources<IntegrationProperties>("AWS::ApiGatewayV2::Integration")
      .map(({ logicalId, properties }) => [logicalId, properties]),
  );
  const authorizers = readAuthorizers(template);
  const byApi = new Map<string, HttpRoute[]>();
  for (const { properties } of template.resources<RouteProperties>("AWS::ApiGatewayV2::Route")) {
    const { ApiId, RouteKey, Target, AuthorizationType = "NONE", AuthorizerId } = properties;
    const integration = integrations.get(Target.replace(/^integrations\//, ""));
    if (
      integration?.IntegrationType !== "AWS_PROXY" ||
      integration.PayloadFormatVersion !== "2.0"
    ) {
      throw unsupported(`the integration of ${RouteKey}: only functions in payload format 2.0`);
    }
    if (AuthorizationType !== "NONE" && AuthorizationType !== "CUSTOM") {
      throw unsupported(`the authorization type ${AuthorizationType} of ${RouteKey}`);
    }
    const [method = "", resource = ""] = RouteKey.split(" ");
    const route: HttpRoute = {
      routeKey: RouteKey,
      method,
      resource,
      functionName: logicalIdOfArn(integration.IntegrationUri),
      authorizer: AuthorizationType === "CUSTOM" ? authorizers.get(AuthorizerId ?? "") : undefined,
    };
    byApi.set(ApiId, [...(byApi.get(ApiId) ?? []), route]);
  }
  return byApi;
}

type Payload = ReturnType<typeof httpPayload>;

/** Returns the value of an identity source such as `$request.header.Authorization`, or undefined if it is missing. */
function getIdentity(source: string, payload: Payload): string | undefined {
  const [, kind, name = ""] = /^\$request\.(header|querystring)\.(.+)$/.exec(source) ?? [];
  if (kind === "header") return payload.headers[name.toLowerCase()] || undefined;
  if (kind === "querystring") return payload.queryStringParameters?.[name] || undefined;
  throw unsupported(`the identity source ${source}`);
}

/** Percent-decodes a path. API Gateway routes by the decoded path and passes it to the function. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpRejection(400, "Bad Request");
  }
}

/** Serves HTTP requests like an HTTP API of the template. Calls the route's authorizer first. */
export class HttpApi {
  readonly #routes: readonly HttpRoute[];
  readonly #stages: readonly string[];

  constructor(
    template: Template,
    private readonly apiId: string,
    private readonly functions: LambdaFunctions,
    private readonly options: ApiGatewayOptions = {},
  ) {
    this.#routes = readHttpRoutes(template).get(apiId) ?? [];
    this.#stages = template
      .resources<{ ApiId: string; StageName: string }>("AWS::ApiGatewayV2::Stage")
      .filter(({ properties }) => properties.ApiId === apiId)
      .map(({ properties }) => properties.StageName);
  }

  /** Returns the logical IDs of the template's HTTP APIs. */
  static idsIn(template: Template): string[] {
    return template
      .resources<{ ProtocolType: string }>("AWS::ApiGatewayV2::Api")
      .filter(({ properties }) => properties.ProtocolType === "HTTP")
      .map(({ logicalId }) => logicalId);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const own = { "apigw-requestid": requestId };
    try {
      const result = await this.#respond(request, requestId);
      sendAnswer(response, result, own);
    } catch (error) {
      sendRejection(response, error instanceof HttpRejection ? error : FAILED(), own);
    }
  }

  async #respond(request: IncomingMessage, requestId: string): Promise<unknown> {
    const [encoded = "/"] = (request.url ?? "/").split("?");
    const rawPath = decoded(encoded);
    const { stage, path } = this.#getStage(rawPath);
    const { route, pathParameters } = this.#match(request.method ?? "GET", path);
    const source: EventSource = {
      accountId: ACCOUNT,
      apiId: this.apiId,
      domainName: `${this.apiId.toLowerCase()}.execute-api.${REGION}.amazonaws.com`,
      stage,
      routeKey: route.routeKey,
      // API Gateway drops everything after a decoded `?`.
      // https://github.com/middleapi/standard-server/pull/93
      rawPath: rawPath.split("?")[0] ?? rawPath,
      sourceIp: sourceIp(request, this.options.trustForwardedFor ?? false),
      requestId,
      pathParameters,
    };
    const payload = httpPayload(request, source);
    const trace = newTraceHeader();
    const lambda = route.authorizer && (await this.#authorize(route.authorizer, payload, trace));
    const event = {
      ...payload,
      requestContext: { ...payload.requestContext, ...(lambda && { authorizer: { lambda } }) },
      ...(await readBody(request)),
    };
    return this.functions.invoke(route.functionName, event, trace);
  }

  /**
   * Returns the stage that a path belongs to: the stage named by the first segment, or `$default`. With an API mapping,
   * the stage is fixed.
   */
  #getStage(rawPath: string): { readonly stage: string; readonly path: string } {
    const { basePath } = this.options;
    if (basePath !== undefined) {
      if (!`${rawPath}/`.startsWith(`${basePath}/`)) throw new HttpRejection(404, "Not Found");
      const path = rawPath.slice(basePath.length) || "/";
      return { stage: this.#stages[0] ?? "$default", path };
    }
    const [, first = ""] = rawPath.split("/");
    if (first !== "" && this.#stages.includes(first)) {
      return { stage: first, path: rawPath.slice(first.length + 1) || "/" };
    }
    if (!this.#stages.includes("$default")) throw new HttpRejection(404, "Not Found");
    return { stage: "$default", path: rawPath };
  }

  /** Returns the most specific route, or `$default`. */
  #match(method: string, path: string): RouteMatch<HttpRoute> {
    const named = this.#routes.filter(({ routeKey }) => routeKey !== "$default");
    const match = findRoute(named, method, path);
    if (match) return match;
    const route = this.#routes.find(({ routeKey }) => routeKey === "$default");
    if (!route) throw new HttpRejection(404, "Not Found");
    return { route, pathParameters: null };
  }

  /** Calls the authorizer and returns its context for the integration. */
  async #authorize(
    { functionName, identitySource }: Authorizer,
    payload: Payload,
    trace: string,
  ): Promise<Record<string, unknown>> {
    const identities = identitySource.map((source) => getIdentity(source, payload));
    // API Gateway does not call the authorizer if an identity source is missing.
    if (identities.includes(undefined)) throw UNAUTHORIZED();
    const { http, stage } = payload.requestContext;
    const event = {
      type: "REQUEST",
      routeArn: getArn("execute-api", `${this.apiId}/${stage}/${http.method}${payload.rawPath}`),
      ...(identities.length > 0 ? { identitySource: identities } : {}),
      ...payload,
    };
    let result: unknown;
    try {
      result = await this.functions.invoke(functionName, event, trace);
    } catch (error) {
      const says401 = error instanceof FunctionError && error.errorMessage === "Unauthorized";
      throw says401 ? UNAUTHORIZED() : FAILED();
    }
    const { isAuthorized, context = {} } = (result ?? {}) as {
      readonly isAuthorized?: unknown;
      readonly context?: Record<string, unknown>;
    };
    if (typeof isAuthorized !== "boolean") throw FAILED();
    if (!isAuthorized) throw new HttpRejection(403, "Forbidden");
    return context;
  }
}

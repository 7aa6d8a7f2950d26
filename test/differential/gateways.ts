import { mkdtempSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiGateway, type ApiGatewayOptions } from "../../local/services/api-gateway.ts";
import { FunctionUrl } from "../../local/services/function-url.ts";
import { HttpApi } from "../../local/services/http-api.ts";
import { FunctionError } from "../../local/services/lambda-environment.ts";
import type { LambdaFunctions } from "../../local/services/lambda-functions.ts";
import { Template } from "../../local/services/template.ts";

/** The code of a function. */
export type FunctionCode = (event: unknown) => Promise<unknown>;

/** The functions behind a gateway, by name. They receive and return copies, because Lambda passes JSON. */
export type Functions = Readonly<Record<string, FunctionCode>>;

/** A route of a gateway, such as `GET /orders/{id}`, and the function that serves it. */
export interface GatewayRoute {
  readonly method: string;
  readonly path: string;
  readonly functionName: string;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown;

const AUTHORIZER = "authorizer";

function inProcess(functions: Functions): LambdaFunctions {
  return {
    async invoke(name: string, payload: unknown) {
      try {
        return structuredClone(await functions[name]?.(structuredClone(payload)));
      } catch (error) {
        const { message, name: type } = error as Error;
        throw new FunctionError(message, type);
      }
    },
  } as unknown as LambdaFunctions;
}

function createTemplate(resources: Readonly<Record<string, [type: string, properties: object]>>) {
  const directory = mkdtempSync(join(tmpdir(), "differential-"));
  const entries = Object.entries(resources).map(([id, [Type, Properties]]) => [
    id,
    { Type, Properties },
  ]);
  const Resources = Object.fromEntries(entries);
  writeFileSync(join(directory, "api.template.json"), JSON.stringify({ Resources }));
  return new Template({ directory, stackName: "api" }, "http://127.0.0.1:1");
}

const invocation = (name: string) => `arn:aws:lambda:function:${name}/invocations`;

/**
 * Wraps a gateway in AWS's front end, which accepts request targets in absolute form (RFC 9112, section 3.2.2) and
 * passes on the path. API Gateway, load balancers and function URLs are all behind such a front end.
 */
const behindFrontEnd =
  (handle: Handle): Handle =>
  (request, response) => {
    request.url = request.url?.replace(/^https?:\/\/[^/?#]*(?=[/?#]|$)/i, "") || "/";
    return handle(request, response);
  };

/** Creates a REST API. It has an authorizer if `functions` has one named `authorizer`. */
export function restApi(
  routes: readonly GatewayRoute[],
  functions: Functions,
  options: ApiGatewayOptions = {},
): Handle {
  const template: Record<string, [string, object]> = {
    Api: ["AWS::ApiGateway::RestApi", {}],
    Stage: ["AWS::ApiGateway::Stage", { StageName: "prod" }],
    Authorizer: ["AWS::ApiGateway::Authorizer", { AuthorizerUri: invocation(AUTHORIZER) }],
  };
  for (const [index, { method, path, functionName }] of routes.entries()) {
    let parent = "";
    for (const PathPart of path.split("/").filter(Boolean)) {
      const id = `${parent}/${PathPart}`;
      template[id] = ["AWS::ApiGateway::Resource", { ParentId: parent, PathPart }];
      parent = id;
    }
    template[`Method${index}`] = [
      "AWS::ApiGateway::Method",
      {
        HttpMethod: method,
        ResourceId: parent,
        ...(AUTHORIZER in functions && { AuthorizerId: "Authorizer" }),
        Integration: { Type: "AWS_PROXY", Uri: invocation(functionName) },
      },
    ];
  }
  const gateway = new ApiGateway(createTemplate(template), inProcess(functions), options);
  return behindFrontEnd((request, response) => gateway.handle(request, response));
}

/** An event, whose fields depend on the source. */
// biome-ignore lint/suspicious/noExplicitAny: each source has different fields
type Json = any;

/**
 * Converts an HTTP API's payload format 2.0 to 1.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
function toFormat1({ requestContext, ...event }: Json): object {
  const { http, routeKey, stage, requestId, domainName } = requestContext;
  const path = routeKey.split(" ").at(-1);
  const resource = path === "$default" ? "/$default" : path;
  const headers = Object.entries<string>(event.headers);
  return {
    version: "1.0",
    type: event.type,
    methodArn: event.routeArn,
    resource,
    path: event.rawPath,
    httpMethod: http.method,
    headers: event.headers,
    multiValueHeaders: Object.fromEntries(headers.map(([name, value]) => [name, [value]])),
    pathParameters: event.pathParameters ?? null,
    requestContext: {
      domainName,
      httpMethod: http.method,
      identity: { sourceIp: http.sourceIp },
      path: event.rawPath,
      requestId,
      resourceId: routeKey,
      resourcePath: resource,
      stage,
      ...(requestContext.authorizer && { authorizer: requestContext.authorizer.lambda }),
    },
  };
}

/** Creates an HTTP API. It has an authorizer if `functions` has one named `authorizer`. */
export function httpApi(
  routes: readonly GatewayRoute[],
  functions: Functions,
  {
    format = "2.0",
    stage = "$default",
    ...options
  }: ApiGatewayOptions & { readonly format?: "1.0" | "2.0"; readonly stage?: string } = {},
): Handle {
  const template: Record<string, [string, object]> = {
    Api: ["AWS::ApiGatewayV2::Api", { ProtocolType: "HTTP" }],
    Stage: ["AWS::ApiGatewayV2::Stage", { ApiId: "Api", StageName: stage }],
    Authorizer: [
      "AWS::ApiGatewayV2::Authorizer",
      {
        AuthorizerUri: invocation(AUTHORIZER),
        AuthorizerPayloadFormatVersion: "2.0",
        EnableSimpleResponses: true,
        AuthorizerResultTtlInSeconds: 0,
      },
    ],
  };
  for (const [index, { method, path, functionName }] of routes.entries()) {
    template[`Integration${index}`] = [
      "AWS::ApiGatewayV2::Integration",
      {
        IntegrationType: "AWS_PROXY",
        IntegrationUri: invocation(functionName),
        PayloadFormatVersion: "2.0",
      },
    ];
    template[`Route${index}`] = [
      "AWS::ApiGatewayV2::Route",
      {
        ApiId: "Api",
        RouteKey: path === "$default" ? path : `${method} ${path}`,
        Target: `integrations/Integration${index}`,
        ...(AUTHORIZER in functions && { AuthorizationType: "CUSTOM", AuthorizerId: "Authorizer" }),
      },
    ];
  }
  const inFormat = ([name, code]: [string, FunctionCode]): [string, FunctionCode] => {
    if (format === "2.0") return [name, code];
    if (name !== AUTHORIZER) return [name, (event) => code(toFormat1(event))];
    return [
      name,
      async (event) => {
        const { policyDocument, context } = (await code(toFormat1(event))) as Json;
        return { isAuthorized: policyDocument.Statement[0].Effect === "Allow", context };
      },
    ];
  };
  const all = inProcess(Object.fromEntries(Object.entries(functions).map(inFormat)));
  const gateway = new HttpApi(createTemplate(template), "Api", all, options);
  return behindFrontEnd((request, response) => gateway.handle(request, response));
}

/** Creates a function URL. */
export function functionUrl(code: FunctionCode): Handle {
  const gateway = new FunctionUrl("Url", "code", inProcess({ code }));
  return behindFrontEnd((request, response) => gateway.handle(request, response));
}

/**
 * Creates a load balancer, which passes on the path unchanged.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
 */
export function loadBalancer(code: FunctionCode): Handle {
  const functions = inProcess({ code });
  return behindFrontEnd(async (request, response) => {
    const [path = "/", query = ""] = (request.url ?? "/").split(/\?(.*)/s);
    const event = {
      requestContext: { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:local" } },
      httpMethod: request.method,
      path,
      queryStringParameters: Object.fromEntries(new URLSearchParams(query)),
      headers: { ...request.headers, "x-forwarded-for": "192.0.2.1" },
      body: "",
      isBase64Encoded: false,
    };
    const answer = (await functions.invoke("code", event, "").catch(() => undefined)) as Json;
    response.writeHead(answer?.statusCode ?? 502);
    response.end();
  });
}

import { Annotations, AspectPriority, Aspects, CfnResource, Resource, Stack } from "aws-cdk-lib";
import {
  AuthorizationType,
  CfnGatewayResponse,
  CfnMethod,
  type CorsOptions,
  GatewayResponse,
  type GatewayResponseProps,
  type IRestApi,
  ResponseType,
} from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";
import { problemType } from "../../shared/core/problem-type.ts";

/** What the added gateway responses say, and which of them are added. */
export interface GatewayResponseOptions {
  /**
   * Response types that the API keeps as they are.
   *
   * @default - none; `MISSING_AUTHENTICATION_TOKEN` for an API that has IAM methods, and for an imported API
   */
  readonly except?: readonly ResponseType[];

  /**
   * Headers of every response that is added, for example for CORS. They win over ours. A value is a mapping
   * expression of API Gateway: `"'https://shop.example.com'"` or `"method.request.header.Origin"`.
   *
   * @default - the headers of the API's own `DEFAULT_4XX` or `DEFAULT_5XX`; else the CORS headers that follow
   * from the API's `defaultCorsPreflightOptions`
   */
  readonly headers?: Readonly<Record<string, string>>;

  /**
   * What `WWW-Authenticate` of a denial (403) says. `decision`: the authorizer's own words, with the error code
   * and the scopes that are missing. `fixed`: the same for every denial, without a variable of the authorizer.
   *
   * @default "decision"
   */
  readonly denialChallenge?: "decision" | "fixed";
}

/** What `ProblemResponses` changes, and on which API. */
export interface ProblemResponsesProps extends GatewayResponseOptions {
  readonly api: IRestApi;
  readonly realm: string;
}

interface GatewayProblem {
  readonly type: ResponseType;
  readonly id: string;
  readonly status: number;
  readonly title: string;
  /** JSON value of the member `detail`; may hold API Gateway variables. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** More members, each a JSON value. */
  readonly members?: Readonly<Record<string, string>>;
}

const UNAVAILABLE = {
  status: 503,
  title: "Service unavailable",
  detail: '"The access token could not be checked, so the call was refused. Try again."',
  headers: { "Retry-After": "'1'" },
};

/** The denial's challenge when it may not name the authorizer's context. */
const fixedChallenge = (realm: string) =>
  `'Bearer realm="${realm}", error="insufficient_scope", error_description="The access token or the session does not allow the call"'`;

function problems(
  realm: string,
  denialChallenge: GatewayResponseOptions["denialChallenge"],
): GatewayProblem[] {
  const description = "The access token is missing, malformed, unknown, expired or revoked";
  return [
    {
      type: ResponseType.UNAUTHORIZED,
      id: "Unauthorized",
      status: 401,
      title: "Unauthorized",
      detail: `"${description}"`,
      headers: {
        "WWW-Authenticate": `'Bearer realm="${realm}", error="invalid_token", error_description="${description}"'`,
      },
      members: { error: '"invalid_token"' },
    },
    {
      type: ResponseType.ACCESS_DENIED,
      id: "AccessDenied",
      status: 403,
      title: "Forbidden",
      detail: '"$context.authorizer.error_description"',
      headers: {
        // A header's value is a mapping expression, which takes any variable of the context.
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
        "WWW-Authenticate":
          denialChallenge === "fixed"
            ? fixedChallenge(realm)
            : "context.authorizer.www_authenticate",
      },
      // A gateway response only substitutes variables and has no conditions, so `scope` cannot be left out:
      // it is empty when the error is not about scopes.
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.responseTemplates.html
      members: { error: '"$context.authorizer.error"', scope: '"$context.authorizer.scope"' },
    },
    { type: ResponseType.AUTHORIZER_FAILURE, id: "AuthorizerFailure", ...UNAVAILABLE },
    {
      type: ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
      id: "AuthorizerConfigurationError",
      ...UNAVAILABLE,
    },
    {
      // API Gateway's name for a path or method that does not exist.
      type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
      id: "NoSuchRoute",
      status: 404,
      title: "Not found",
      detail: '"There is no such route"',
    },
    {
      type: ResponseType.REQUEST_TOO_LARGE,
      id: "RequestTooLarge",
      status: 413,
      title: "Content too large",
      detail: '"The request is larger than API Gateway takes"',
    },
    {
      type: ResponseType.THROTTLED,
      id: "Throttled",
      status: 429,
      title: "Too many requests",
      detail: '"The API is throttled. Try again later."',
      headers: { "Retry-After": "'1'" },
    },
  ];
}

function template({ title, status, detail, members = {} }: GatewayProblem): string {
  const type = problemType(title);
  const fixed = { type: `"${type}"`, title: `"${title}"`, status: String(status), detail };
  const all = { ...fixed, ...members, request_id: '"$context.requestId"' };
  return `{${Object.entries(all)
    .map(([name, value]) => `"${name}":${value}`)
    .join(",")}}`;
}

/**
 * The answer to everything that has no response of its own. It never has `$context.error.message`: where there
 * is no route, API Gateway repeats the Authorization header in it.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
 */
function rest(kind: string, title: string): string {
  return `{"type":"${problemType(kind)}","title":"${title}","code":"$context.error.responseType","request_id":"$context.requestId"}`;
}

const REST: readonly (readonly [ResponseType, string])[] = [
  [ResponseType.DEFAULT_4XX, rest("refused", "The call was refused")],
  [ResponseType.DEFAULT_5XX, rest("failed", "The call failed")],
];

type Headers = Readonly<Record<string, string>>;

/** All headers; of those with one name, whatever its case, the last. */
function merged(...all: readonly (Headers | undefined)[]): Headers {
  const headers = all.flatMap((each = {}) => Object.entries(each));
  const byName = new Map(headers.map(([name, value]) => [name.toLowerCase(), { name, value }]));
  return Object.fromEntries([...byName.values()].map(({ name, value }) => [name, value]));
}

const PARAMETER = "gatewayresponse.header.";

/** The resources of this app that belong to the API, wherever they are defined. */
function resourcesOf<R extends CfnResource & { restApiId: unknown }>(
  api: IRestApi,
  isResource: (node: unknown) => node is R,
): R[] {
  const ownId = JSON.stringify(Stack.of(api).resolve(api.restApiId));
  return api.node.root.node.findAll().filter(
    (node): node is typeof node & R =>
      isResource(node) &&
      // The same token, or another one for the same resource of the stack.
      (node.restApiId === api.restApiId ||
        (Stack.of(node) === Stack.of(api) &&
          JSON.stringify(Stack.of(node).resolve(node.restApiId)) === ownId)),
  );
}

const isOfType =
  <R extends CfnResource>(type: string) =>
  (node: unknown): node is R =>
    CfnResource.isCfnResource(node) && node.cfnResourceType === type;

/** The headers of a gateway response, by their names. */
function headersOf(response: CfnGatewayResponse): Headers {
  const parameters: Headers = Stack.of(response).resolve(response.responseParameters) ?? {};
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(PARAMETER))
      .map(([name, value]) => [name.slice(PARAMETER.length), value]),
  );
}

/**
 * The headers by which a browser shows an error answer to the page that called. A response cannot choose among
 * several origins.
 */
function corsHeaders(api: IRestApi, cors: CorsOptions | undefined): Headers {
  if (!cors) return {};
  const [origin, another] = cors.allowOrigins;
  if (origin === undefined || another !== undefined) {
    Annotations.of(api).addWarningV2(
      "oauth-monitoring:cors-origins",
      `${api.node.path} allows several origins, and a gateway response cannot choose among them, so browsers do not show refused calls to your page: give attach gatewayResponses.headers with Access-Control-Allow-Origin`,
    );
    return {};
  }
  const exposed = [...new Set([...(cors.exposeHeaders ?? []), "WWW-Authenticate", "Retry-After"])];
  return {
    "Access-Control-Allow-Origin": `'${origin}'`,
    "Access-Control-Expose-Headers": `'${exposed.join(",")}'`,
    ...(cors.allowCredentials && { "Access-Control-Allow-Credentials": "'true'" }),
    ...(origin !== "*" && { Vary: "'Origin'" }),
  };
}

/**
 * Makes an API answer as RFC 6750 asks (`WWW-Authenticate` with the error code and the scopes) and in
 * problem documents (RFC 9457). Only a denial (403) can carry the authorizer's own words: API Gateway passes
 * no context to UNAUTHORIZED, so every 401 has the same text. Gateway responses that the API has already
 * stay as they are.
 */
export class ProblemResponses extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProblemResponsesProps,
  ) {
    super(scope, id);
    // At the end of the synthesis, when the API has all its own responses.
    Aspects.of(this).add(
      { visit: (node) => node === this && this.#add() },
      { priority: AspectPriority.MUTATING },
    );
  }

  #add(): void {
    const { api, realm, headers, denialChallenge } = this.props;
    const own = new Map(
      resourcesOf<CfnGatewayResponse>(api, isOfType(CfnGatewayResponse.CFN_RESOURCE_TYPE_NAME)).map(
        (response) => [response.responseType, response],
      ),
    );
    const kept = new Set([...own.keys(), ...this.#except()]);
    const cors = headers ? {} : corsHeaders(api, api.root.defaultCorsPreflightOptions);
    /** What the API says of every refused call, which a response of its own type would lose. */
    const inherited = (general: ResponseType): Headers => {
      const response = own.get(general.responseType);
      return headers ?? (response ? headersOf(response) : cors);
    };
    const common = {
      "Content-Type": "'application/problem+json'",
      "Cache-Control": "'no-store'",
    };
    const add = (
      type: ResponseType,
      name: string,
      responseHeaders: Headers,
      props: Partial<GatewayResponseProps> & { readonly templates: Record<string, string> },
    ) => {
      if (kept.has(type.responseType)) return;
      new GatewayResponse(this, name, { restApi: api, type, responseHeaders, ...props });
    };
    for (const problem of problems(realm, denialChallenge)) {
      const general = problem.status < 500 ? ResponseType.DEFAULT_4XX : ResponseType.DEFAULT_5XX;
      const others = inherited(general);
      add(
        problem.type,
        problem.id,
        headers ? merged(common, problem.headers, others) : merged(others, common, problem.headers),
        {
          statusCode: String(problem.status),
          // Under the default type, so that it is used for every Accept header.
          templates: { "application/json": template(problem) },
        },
      );
    }
    for (const [type, text] of REST) {
      add(type, type.responseType, merged(common, inherited(type)), {
        templates: { "application/json": text },
      });
    }
  }

  /** The types that stay as they are although the API has no response for them. */
  #except(): readonly string[] {
    const { api, except } = this.props;
    if (except) return except.map(({ responseType }) => responseType);
    // Where calls are signed, the type also means a call without a signature, which is no 404.
    const mayHaveSigned =
      !Resource.isOwnedResource(api) ||
      resourcesOf<CfnMethod>(api, isOfType(CfnMethod.CFN_RESOURCE_TYPE_NAME)).some(
        ({ authorizationType }) => authorizationType === AuthorizationType.IAM,
      );
    return mayHaveSigned ? [ResponseType.MISSING_AUTHENTICATION_TOKEN.responseType] : [];
  }
}

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
import { problemType } from "../../shared/core/errors.ts";

/** Options of the gateway responses that are added to an API. */
export interface GatewayResponseOptions {
  /**
   * Response types to leave unchanged.
   *
   * @default - none; `MISSING_AUTHENTICATION_TOKEN` for an API with IAM methods and for an imported API
   */
  readonly except?: readonly ResponseType[];

  /**
   * Additional headers of every added response, such as CORS headers. They override the default headers. Values are
   * API Gateway mapping expressions: `"'https://shop.example.com'"` or `"method.request.header.Origin"`.
   *
   * @default - the headers of the API's own `DEFAULT_4XX` or `DEFAULT_5XX`, or else CORS headers derived from the
   * API's `defaultCorsPreflightOptions`
   */
  readonly headers?: Readonly<Record<string, string>>;

  /**
   * Value of `WWW-Authenticate` in a 403 response. `decision` uses the authorizer's message, with the error code and
   * the missing scopes. `fixed` sends the same value with every 403 and uses no authorizer variables.
   *
   * @default "decision"
   */
  readonly denialChallenge?: "decision" | "fixed";
}

/** Properties of `ProblemResponses`. */
export interface ProblemResponsesProps extends GatewayResponseOptions {
  readonly api: IRestApi;
  readonly realm: string;
}

interface GatewayProblem {
  readonly type: ResponseType;
  readonly id: string;
  readonly status: number;
  readonly title: string;
  /** JSON value of the `detail` member. It can contain API Gateway variables. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members, each a JSON value. */
  readonly members?: Readonly<Record<string, string>>;
}

const UNAVAILABLE = {
  status: 503,
  title: "Service unavailable",
  detail: '"The access token could not be verified, so the call was denied. Try again."',
  headers: { "Retry-After": "'1'" },
};

/** Returns the `WWW-Authenticate` value of a 403 that must not use the authorizer's context. */
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
        // The value of a header is a mapping expression, which accepts any context variable.
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
        "WWW-Authenticate":
          denialChallenge === "fixed"
            ? fixedChallenge(realm)
            : "context.authorizer.www_authenticate",
      },
      // Gateway responses substitute variables but don't support conditions, so `scope` can't be left out. It is empty
      // if the error isn't about scopes.
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
      // API Gateway uses this type for a path or method that doesn't exist.
      type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
      id: "NoSuchRoute",
      status: 404,
      title: "Not found",
      detail: '"The route does not exist. Check the method and path."',
    },
    {
      type: ResponseType.REQUEST_TOO_LARGE,
      id: "RequestTooLarge",
      status: 413,
      title: "Content too large",
      detail: '"The request exceeds the size limit of API Gateway. Send a smaller request."',
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
  const allMembers = { ...fixed, ...members, request_id: '"$context.requestId"' };
  return `{${Object.entries(allMembers)
    .map(([name, value]) => `"${name}":${value}`)
    .join(",")}}`;
}

/**
 * Returns the body for errors without a more specific response. It omits `$context.error.message`, because API Gateway
 * repeats the Authorization header there if no route matches.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
 */
function defaultTemplate(kind: string, title: string): string {
  return `{"type":"${problemType(kind)}","title":"${title}","code":"$context.error.responseType","request_id":"$context.requestId"}`;
}

const DEFAULTS: readonly (readonly [ResponseType, string])[] = [
  [ResponseType.DEFAULT_4XX, defaultTemplate("denied", "The call was denied")],
  [ResponseType.DEFAULT_5XX, defaultTemplate("failed", "The call failed")],
];

type Headers = Readonly<Record<string, string>>;

/** Merges headers, ignoring the case of names. The last value wins. */
function mergeHeaders(...headerSets: readonly (Headers | undefined)[]): Headers {
  const headers = headerSets.flatMap((each = {}) => Object.entries(each));
  const byName = new Map(headers.map(([name, value]) => [name.toLowerCase(), { name, value }]));
  return Object.fromEntries([...byName.values()].map(({ name, value }) => [name, value]));
}

const PARAMETER = "gatewayresponse.header.";

/** Returns all resources in this app that belong to the API. */
function findResources<R extends CfnResource & { restApiId: unknown }>(
  api: IRestApi,
  isResource: (node: unknown) => node is R,
): R[] {
  const ownId = JSON.stringify(Stack.of(api).resolve(api.restApiId));
  return api.node.root.node.findAll().filter(
    (node): node is typeof node & R =>
      isResource(node) &&
      // The IDs can be different tokens that resolve to the same resource of the stack.
      (node.restApiId === api.restApiId ||
        (Stack.of(node) === Stack.of(api) &&
          JSON.stringify(Stack.of(node).resolve(node.restApiId)) === ownId)),
  );
}

const isOfType =
  <R extends CfnResource>(type: string) =>
  (node: unknown): node is R =>
    CfnResource.isCfnResource(node) && node.cfnResourceType === type;

/** Returns the headers of a gateway response by name. */
function getHeaders(response: CfnGatewayResponse): Headers {
  const parameters: Headers = Stack.of(response).resolve(response.responseParameters) ?? {};
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(PARAMETER))
      .map(([name, value]) => [name.slice(PARAMETER.length), value]),
  );
}

/**
 * Returns the CORS headers that let a web page read error responses. Returns none for several origins, because a
 * gateway response can't choose between them.
 */
function corsHeaders(api: IRestApi, cors: CorsOptions | undefined): Headers {
  if (!cors) return {};
  const [origin, second] = cors.allowOrigins;
  if (origin === undefined || second !== undefined) {
    Annotations.of(api).addWarningV2(
      "oauth-monitoring:cors-origins",
      `${api.node.path} allows several CORS origins, but a gateway response can name only one, so browsers hide denied calls from your page. Set Access-Control-Allow-Origin in the option gatewayResponses.headers of attach`,
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
 * Adds gateway responses to an API: problem documents (RFC 9457) with the `WWW-Authenticate` header of RFC 6750.
 * Only a 403 can include the authorizer's message. API Gateway passes no context to UNAUTHORIZED, so every 401 has
 * the same text. Gateway responses that the API already has are left unchanged.
 */
export class ProblemResponses extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ProblemResponsesProps,
  ) {
    super(scope, id);
    // Runs at the end of synthesis, when all of the API's own responses are defined.
    Aspects.of(this).add(
      { visit: (node) => node === this && this.#add() },
      { priority: AspectPriority.MUTATING },
    );
  }

  #add(): void {
    const { api, realm, headers, denialChallenge } = this.props;
    const ownResponses = new Map(
      findResources<CfnGatewayResponse>(
        api,
        isOfType(CfnGatewayResponse.CFN_RESOURCE_TYPE_NAME),
      ).map((response) => [response.responseType, response]),
    );
    const unchangedTypes = new Set([...ownResponses.keys(), ...this.#except()]);
    const cors = headers ? {} : corsHeaders(api, api.root.defaultCorsPreflightOptions);
    /**
     * Returns the headers of the API's default response, which a more specific response doesn't inherit automatically.
     */
    const inherited = (general: ResponseType): Headers => {
      const response = ownResponses.get(general.responseType);
      return headers ?? (response ? getHeaders(response) : cors);
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
      if (unchangedTypes.has(type.responseType)) return;
      new GatewayResponse(this, name, { restApi: api, type, responseHeaders, ...props });
    };
    for (const problem of problems(realm, denialChallenge)) {
      const general = problem.status < 500 ? ResponseType.DEFAULT_4XX : ResponseType.DEFAULT_5XX;
      const others = inherited(general);
      add(
        problem.type,
        problem.id,
        headers
          ? mergeHeaders(common, problem.headers, others)
          : mergeHeaders(others, common, problem.headers),
        {
          statusCode: String(problem.status),
          // With the default content type, the template applies to every Accept header.
          templates: { "application/json": template(problem) },
        },
      );
    }
    for (const [type, text] of DEFAULTS) {
      add(type, type.responseType, mergeHeaders(common, inherited(type)), {
        templates: { "application/json": text },
      });
    }
  }

  /** Returns response types to leave unchanged, in addition to those that the API defines itself. */
  #except(): readonly string[] {
    const { api, except } = this.props;
    if (except) return except.map(({ responseType }) => responseType);
    // In an API with IAM methods, a missing signature also produces this type, and 404 would be wrong for that.
    const mayHaveSigned =
      !Resource.isOwnedResource(api) ||
      findResources<CfnMethod>(api, isOfType(CfnMethod.CFN_RESOURCE_TYPE_NAME)).some(
        ({ authorizationType }) => authorizationType === AuthorizationType.IAM,
      );
    return mayHaveSigned ? [ResponseType.MISSING_AUTHENTICATION_TOKEN.responseType] : [];
  }
}

import { AspectPriority, Aspects, CfnResource } from "aws-cdk-lib";
import {
  type CfnGatewayResponse,
  GatewayResponse,
  type GatewayResponseProps,
  type IRestApi,
  ResponseType,
} from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";

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

function problems(realm: string): GatewayProblem[] {
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
      headers: { "WWW-Authenticate": "context.authorizer.www_authenticate" },
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
  const type = `urn:oauth-monitoring:problem:${title.toLowerCase().replaceAll(" ", "-")}`;
  const fixed = { type: `"${type}"`, title: `"${title}"`, status: String(status), detail };
  const all = { ...fixed, ...members, request_id: '"$context.requestId"' };
  return `{${Object.entries(all)
    .map(([name, value]) => `"${name}":${value}`)
    .join(",")}}`;
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
    private readonly props: { readonly api: IRestApi; readonly realm: string },
  ) {
    super(scope, id);
    // At the end of the synthesis, when the API has all its own responses.
    Aspects.of(this).add(
      { visit: (node) => node === this && this.#add() },
      { priority: AspectPriority.MUTATING },
    );
  }

  #add(): void {
    const { api, realm } = this.props;
    const present = new Set(
      api.node
        .findAll()
        .filter(CfnResource.isCfnResource)
        .filter(({ cfnResourceType }) => cfnResourceType === "AWS::ApiGateway::GatewayResponse")
        .map((resource) => (resource as CfnGatewayResponse).responseType),
    );
    const common = {
      "Content-Type": "'application/problem+json'",
      "Cache-Control": "'no-store'",
    };
    const add = (
      type: ResponseType,
      name: string,
      props: Partial<GatewayResponseProps> & { readonly templates: Record<string, string> },
    ) => {
      if (present.has(type.responseType)) return;
      new GatewayResponse(this, name, { restApi: api, type, responseHeaders: common, ...props });
    };
    for (const problem of problems(realm)) {
      add(problem.type, problem.id, {
        statusCode: String(problem.status),
        responseHeaders: { ...common, ...problem.headers },
        // Under the default type, so that it is used for every Accept header.
        templates: { "application/json": template(problem) },
      });
    }
    for (const type of [ResponseType.DEFAULT_4XX, ResponseType.DEFAULT_5XX]) {
      add(type, type.responseType, {
        templates: {
          "application/json":
            '{"type":"about:blank","title":$context.error.messageString,"request_id":"$context.requestId"}',
        },
      });
    }
  }
}

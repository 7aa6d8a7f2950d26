import { logicalIdOfArn, type Template } from "./template.ts";

interface ResourceProperties {
  readonly ParentId: string;
  readonly PathPart: string;
}

interface MethodProperties {
  readonly HttpMethod: string;
  readonly ResourceId: string;
  readonly AuthorizerId?: string;
  readonly Integration: { readonly Type: string; readonly Uri: string };
}

/** A method of the API. */
export interface Route {
  /** Path in API Gateway's form: `/api/{proxy+}`. */
  readonly resource: string;
  readonly method: string;
  readonly functionName: string;
  /** Function of the method's authorizer. */
  readonly authorizerName: string | undefined;
}

/** A route and the path parameters of a request. */
export interface RouteMatch<R = Route> {
  readonly route: R;
  readonly pathParameters: Readonly<Record<string, string>> | null;
}

/** Returns the routes of the template's API. */
export function readRoutes(template: Template): Route[] {
  const resources = new Map(
    template
      .resources<ResourceProperties>("AWS::ApiGateway::Resource")
      .map(({ logicalId, properties }) => [logicalId, properties]),
  );
  const getPath = (id: string): string => {
    const resource = resources.get(id);
    return resource ? `${getPath(resource.ParentId)}/${resource.PathPart}` : "";
  };
  const authorizers = new Map(
    template
      .resources<{ AuthorizerUri: string }>("AWS::ApiGateway::Authorizer")
      .map(({ logicalId, properties }) => [logicalId, logicalIdOfArn(properties.AuthorizerUri)]),
  );
  return template
    .resources<MethodProperties>("AWS::ApiGateway::Method")
    .map(({ properties: { HttpMethod, ResourceId, AuthorizerId, Integration } }) => {
      if (Integration.Type !== "AWS_PROXY") {
        throw new Error(
          `the local stack does not support the integration type ${Integration.Type}`,
        );
      }
      return {
        resource: getPath(ResourceId) || "/",
        method: HttpMethod,
        functionName: logicalIdOfArn(Integration.Uri),
        authorizerName: AuthorizerId === undefined ? undefined : authorizers.get(AuthorizerId),
      };
    });
}

function matchPath(resource: string, path: string): Record<string, string> | undefined {
  const expected = resource.split("/");
  const actual = path.replace(/(.)\/$/, "$1").split("/");
  const parameters: Record<string, string> = {};
  for (const [index, segment] of expected.entries()) {
    const value = actual[index];
    if (!value && segment !== "") return undefined;
    if (segment.endsWith("+}")) {
      parameters[segment.slice(1, -2)] = actual.slice(index).join("/");
      return parameters;
    }
    if (segment.startsWith("{")) parameters[segment.slice(1, -1)] = value ?? "";
    else if (segment !== value) return undefined;
  }
  return actual.length === expected.length ? parameters : undefined;
}

/**
 * Returns a sort key that puts specific routes first: a named segment before `{id}` before `{proxy+}`, a named method
 * before ANY.
 */
function rank({ resource, method }: Pick<Route, "resource" | "method">): string {
  const segments = resource
    .split("/")
    .map((segment) => (segment.endsWith("+}") ? "2" : segment.startsWith("{") ? "1" : "0"));
  return `${segments.join("")}${method === "ANY" ? "1" : "0"}`;
}

/** Returns the route that API Gateway would choose for a request. */
export function findRoute<R extends Pick<Route, "resource" | "method">>(
  routes: readonly R[],
  method: string,
  path: string,
): RouteMatch<R> | undefined {
  const matches = routes.flatMap((route) => {
    if (route.method !== "ANY" && route.method !== method) return [];
    const parameters = matchPath(route.resource, path);
    return parameters ? [{ route, parameters }] : [];
  });
  const [best] = matches.sort((a, b) => rank(a.route).localeCompare(rank(b.route)));
  if (!best) return undefined;
  const named = Object.keys(best.parameters).length > 0;
  return { route: best.route, pathParameters: named ? best.parameters : null };
}

import { AspectPriority, Aspects, CfnResource, Duration, type IAspect, Stack } from "aws-cdk-lib";
import {
  AuthorizationType,
  CfnAuthorizer,
  type CfnMethod,
  type IAuthorizer,
  type IRestApi,
} from "aws-cdk-lib/aws-apigateway";
import type {
  CfnRoute,
  HttpRouteAuthorizerConfig,
  IHttpApi,
  IHttpRoute,
  IHttpRouteAuthorizer,
} from "aws-cdk-lib/aws-apigatewayv2";
import {
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { CfnPermission, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct, type IConstruct } from "constructs";

/** Whether a construct is one of the parts or below one of them. */
function isWithin(node: IConstruct, parts: readonly IConstruct[]): boolean {
  const path = new Set(node.node.scopes);
  return parts.some((part) => path.has(part));
}

export interface ApiProtectionProps {
  readonly api: IRestApi;
  readonly authorizerFunctionArn: string;
}

/** The authorizer of a REST API. Protects the API's methods. */
export class ApiProtection extends Construct {
  /** The authorizer, for a method's options. */
  readonly authorizer: IAuthorizer;
  readonly #api: IRestApi;

  constructor(scope: Construct, id: string, { api, authorizerFunctionArn }: ApiProtectionProps) {
    super(scope, id);
    this.#api = api;
    const stack = Stack.of(this);
    const path = `lambda:path/2015-03-31/functions/${authorizerFunctionArn}/invocations`;
    const authorizer = new CfnAuthorizer(this, "Authorizer", {
      name: `OAuthMonitoring${this.node.addr.slice(-8)}`,
      restApiId: api.restApiId,
      type: "REQUEST",
      authorizerUri: `arn:${stack.partition}:apigateway:${stack.region}:${path}`,
      identitySource: "",
      // Without an identity source or a cache, the authorizer sees and tracks every call, including calls without a
      // token.
      authorizerResultTtlInSeconds: 0,
    });
    new CfnPermission(this, "Permission", {
      action: "lambda:InvokeFunction",
      functionName: authorizerFunctionArn,
      principal: "apigateway.amazonaws.com",
      sourceArn: stack.formatArn({
        service: "execute-api",
        resource: api.restApiId,
        resourceName: `authorizers/${authorizer.ref}`,
      }),
    });
    this.authorizer = {
      authorizerId: authorizer.ref,
      authorizationType: AuthorizationType.CUSTOM,
    };
  }

  /** Protects every method at and below `part`, including methods that are added later. */
  protect(part: IConstruct, except: readonly IConstruct[]): void {
    Aspects.of(part).add(new ProtectMethods(this.#api, this.authorizer, except), {
      priority: AspectPriority.MUTATING,
    });
  }
}

/** Sets the authorizer on methods that have none. */
class ProtectMethods implements IAspect {
  constructor(
    private readonly api: IRestApi,
    private readonly authorizer: IAuthorizer,
    private readonly except: readonly IConstruct[],
  ) {}

  visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node)) return;
    if (node.cfnResourceType !== "AWS::ApiGateway::Method") return;
    const method = node as CfnMethod;
    const isOpen = (method.authorizationType ?? AuthorizationType.NONE) === AuthorizationType.NONE;
    // Browsers send CORS preflight requests without a token.
    if (!isOpen || method.httpMethod === "OPTIONS" || isWithin(node, this.except)) return;
    const { authorizerId, authorizationType = AuthorizationType.CUSTOM } = this.authorizer;
    method.authorizationType = authorizationType;
    method.authorizerId = authorizerId;
    // Forces a new deployment, so that the stage picks up the authorizer.
    this.api.latestDeployment?.addToLogicalId({ protected: method.node.path });
  }
}

export interface HttpApiProtectionProps {
  readonly api: IHttpApi;
  readonly authorizerFunctionArn: string;
}

/** The authorizer of an HTTP API. Protects the API's routes. */
export class HttpApiProtection extends Construct {
  /** The authorizer, for a route's options. */
  readonly authorizer: IHttpRouteAuthorizer;
  /** The API. CDK's authorizer reads this property. */
  readonly httpApi: IHttpApi;
  readonly #bound: HttpRouteAuthorizerConfig;

  constructor(
    scope: Construct,
    id: string,
    { api, authorizerFunctionArn }: HttpApiProtectionProps,
  ) {
    super(scope, id);
    this.httpApi = api;
    // Imported by ARN, so that the invoke permission is created in the API's stack, which depends on the function's
    // stack.
    const handler = LambdaFunction.fromFunctionAttributes(this, "Function", {
      functionArn: authorizerFunctionArn,
      sameEnvironment: true,
    });
    const bound = new HttpLambdaAuthorizer(`OAuthMonitoring${this.node.addr.slice(-8)}`, handler, {
      // Uses payload format 2.0 with simple responses, because a policy would contain ARNs, and API Gateway limits the
      // length of an ARN.
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      // Without an identity source or a cache, the authorizer sees and tracks every call, including calls without a
      // token.
      identitySource: [],
      resultsCacheTtl: Duration.seconds(0),
      // `bind` reads only the route's API and stack, and this construct has both.
    }).bind({ route: this as unknown as IHttpRoute, scope: this });
    this.authorizer = { bind: () => bound };
    this.#bound = bound;
  }

  /** Protects every route of the API, including routes that are added later. */
  protectAll(except: readonly IConstruct[]): void {
    // Routes can be defined anywhere in the app, not only below the API.
    this.#protect(this.httpApi.node.root, except);
  }

  /** Protects one route. */
  protectRoute(route: IHttpRoute): void {
    this.#protect(route, []);
  }

  #protect(part: IConstruct, except: readonly IConstruct[]): void {
    Aspects.of(part).add(new ProtectRoutes(this.httpApi.apiId, this.#bound, except), {
      priority: AspectPriority.MUTATING,
    });
  }
}

/** Sets the authorizer on routes that have none. */
class ProtectRoutes implements IAspect {
  constructor(
    private readonly apiId: string,
    private readonly authorizer: HttpRouteAuthorizerConfig,
    private readonly except: readonly IConstruct[],
  ) {}

  visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node) || node.cfnResourceType !== "AWS::ApiGatewayV2::Route")
      return;
    const route = node as CfnRoute;
    if (route.apiId !== this.apiId || isWithin(node, this.except)) return;
    const isOpen = (route.authorizationType ?? "NONE") === "NONE";
    // Browsers send CORS preflight requests without a token.
    if (!isOpen || route.routeKey.startsWith("OPTIONS ")) return;
    route.authorizationType = this.authorizer.authorizationType;
    route.authorizerId = this.authorizer.authorizerId ?? "";
  }
}

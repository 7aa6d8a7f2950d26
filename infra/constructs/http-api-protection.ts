import { AspectPriority, Aspects, CfnResource, Duration, type IAspect } from "aws-cdk-lib";
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
import { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct, type IConstruct } from "constructs";
import { isWithin } from "./is-within.ts";

export interface HttpApiProtectionProps {
  readonly api: IHttpApi;
  readonly authorizerFunctionArn: string;
}

const ROUTE = "AWS::ApiGatewayV2::Route";

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
    if (!CfnResource.isCfnResource(node) || node.cfnResourceType !== ROUTE) return;
    const route = node as CfnRoute;
    if (route.apiId !== this.apiId || isWithin(node, this.except)) return;
    const isOpen = (route.authorizationType ?? "NONE") === "NONE";
    // Browsers send CORS preflight requests without a token.
    if (!isOpen || route.routeKey.startsWith("OPTIONS ")) return;
    route.authorizationType = this.authorizer.authorizationType;
    route.authorizerId = this.authorizer.authorizerId ?? "";
  }
}

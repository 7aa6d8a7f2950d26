import { AspectPriority, Aspects, CfnResource, type IAspect, Stack } from "aws-cdk-lib";
import {
  AuthorizationType,
  CfnAuthorizer,
  type CfnMethod,
  type IAuthorizer,
  type IRestApi,
} from "aws-cdk-lib/aws-apigateway";
import { CfnPermission } from "aws-cdk-lib/aws-lambda";
import { Construct, type IConstruct } from "constructs";
import { isWithin } from "./is-within.ts";

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

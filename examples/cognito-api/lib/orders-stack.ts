import { fileURLToPath } from "node:url";
import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import { HttpApi, HttpMethod } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { OAuthScope, ResourceServerScope, UserPool } from "aws-cdk-lib/aws-cognito";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { OAuthMonitoring } from "oauth-monitoring";

export interface OrdersStackProps extends StackProps {
  /** Prefix of the user pool's domain. It must be unique in the region. */
  readonly domainPrefix: string;
}

/** An orders API that accepts the access tokens of a Cognito user pool. */
export class OrdersStack extends Stack {
  constructor(scope: Construct, id: string, { domainPrefix, ...props }: OrdersStackProps) {
    super(scope, id, props);

    const pool = new UserPool(this, "Users", { signInAliases: { email: true } });
    const domain = pool.addDomain("Domain", { cognitoDomain: { domainPrefix } });
    const read = new ResourceServerScope({ scopeName: "read", scopeDescription: "Read orders" });
    const write = new ResourceServerScope({ scopeName: "write", scopeDescription: "Place orders" });
    const server = pool.addResourceServer("OrdersServer", {
      identifier: "orders",
      scopes: [read, write],
    });
    const scopes = [read, write].map((each) => OAuthScope.resourceServer(server, each));
    // A program that uses the client credentials grant.
    const warehouse = pool.addClient("Warehouse", {
      generateSecret: true,
      oAuth: { flows: { clientCredentials: true }, scopes },
    });
    // An app in which users sign in.
    const shop = pool.addClient("Shop", {
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, ...scopes],
        callbackUrls: ["https://shop.example.com/callback"],
      },
    });

    const api = new HttpApi(this, "Api");
    const integration = new HttpLambdaIntegration(
      "Orders",
      new LambdaFunction(this, "OrdersFunction", {
        runtime: Runtime.NODEJS_24_X,
        handler: "orders.handler",
        code: Code.fromAsset(fileURLToPath(new URL("../lambda", import.meta.url))),
      }),
    );
    api.addRoutes({ path: "/orders", methods: [HttpMethod.GET, HttpMethod.POST], integration });
    api.addRoutes({ path: "/orders/{id}", methods: [HttpMethod.GET], integration });

    const monitoring = new OAuthMonitoring(this, "Monitoring", {
      realm: "orders",
      routes: [
        { method: "POST", path: "/orders", scopes: ["orders/write"] },
        { method: "GET", path: "/orders", scopes: ["orders/read"] },
        { method: "GET", path: "/orders/{id}", scopes: ["orders/read"] },
      ],
      config: {
        issuers: [
          {
            issuer: pool.userPoolProviderUrl,
            provider: "cognito",
            clientIds: [warehouse.userPoolClientId, shop.userPoolClientId],
          },
        ],
      },
    });
    monitoring.attach(api);
    monitoring.addAdminApi();

    new CfnOutput(this, "OrdersUrl", { value: api.apiEndpoint });
    new CfnOutput(this, "TokenUrl", { value: `${domain.baseUrl()}/oauth2/token` });
    new CfnOutput(this, "UserPoolId", { value: pool.userPoolId });
    new CfnOutput(this, "WarehouseClientId", { value: warehouse.userPoolClientId });
  }
}

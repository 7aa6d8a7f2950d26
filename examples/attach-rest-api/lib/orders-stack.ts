import { fileURLToPath } from "node:url";
import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import { Cors, LambdaIntegration, MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { OAuthMonitoring } from "oauth-monitoring";

/** An orders API. Every route except `/health` needs a token. */
export class OrdersStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const orders = new LambdaFunction(this, "OrdersFunction", {
      runtime: Runtime.NODEJS_24_X,
      handler: "orders.handler",
      code: Code.fromAsset(fileURLToPath(new URL("../lambda", import.meta.url))),
    });
    const api = new RestApi(this, "Api", {
      defaultCorsPreflightOptions: { allowOrigins: Cors.ALL_ORIGINS },
    });
    const collection = api.root.addResource("orders");
    collection.addMethod("GET", new LambdaIntegration(orders));
    collection.addMethod("POST", new LambdaIntegration(orders));
    collection.addResource("{id}").addMethod("GET", new LambdaIntegration(orders));
    const health = api.root.addResource("health");
    health.addMethod(
      "GET",
      new MockIntegration({
        requestTemplates: { "application/json": '{"statusCode": 204}' },
        integrationResponses: [{ statusCode: "204" }],
      }),
      { methodResponses: [{ statusCode: "204" }] },
    );

    const monitoring = new OAuthMonitoring(this, "Monitoring", {
      realm: "orders",
      routes: [
        { method: "GET", path: "/orders", scopes: ["orders:read"] },
        { method: "GET", path: "/orders/{id}", scopes: ["orders:read"] },
        { method: "POST", path: "/orders", scopes: ["orders:write"] },
      ],
      eventRetention: Duration.days(180),
    });
    monitoring.attach(api, { except: [health] });
    monitoring.addAdminApi();
  }
}

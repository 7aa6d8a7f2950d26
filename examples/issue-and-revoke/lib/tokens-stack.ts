import { fileURLToPath } from "node:url";
import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import { AuthorizationType, LambdaIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";
import { Architecture, Runtime } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import type { Construct } from "constructs";
import { OAuthMonitoring } from "oauth-monitoring";

/** An API with which services in this account issue and revoke tokens. Services sign their calls with IAM. */
export class TokensStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const monitoring = new OAuthMonitoring(this, "Monitoring");

    const lambda = (name: string) =>
      new NodejsFunction(this, `${name}Function`, {
        entry: fileURLToPath(new URL(`../lambda/${name.toLowerCase()}.ts`, import.meta.url)),
        runtime: Runtime.NODEJS_24_X,
        architecture: Architecture.ARM_64,
        memorySize: 512,
        timeout: Duration.seconds(10),
        environment: { ...monitoring.environment },
        bundling: { format: OutputFormat.ESM, mainFields: ["module", "main"], minify: true },
      });
    const issue = lambda("Issue");
    monitoring.grantIssueTokens(issue);
    const revoke = lambda("Revoke");
    monitoring.grantRevoke(revoke);

    const api = new RestApi(this, "Api", {
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
    });
    const tokens = api.root.addResource("tokens");
    tokens.addMethod("POST", new LambdaIntegration(issue));
    tokens.addResource("{token_id}").addMethod("DELETE", new LambdaIntegration(revoke));
  }
}

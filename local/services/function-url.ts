import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { newTraceHeader, sourceIp } from "./gateway-headers.ts";
import { HttpRejection, httpPayload, readBody, sendAnswer, sendRejection } from "./http-payload.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import { logicalIdOfArn, REGION, type Template } from "./template.ts";

interface UrlProperties {
  readonly TargetFunctionArn: string;
  readonly AuthType: string;
  readonly InvokeMode?: string;
}

/**
 * Serves HTTP requests like a Lambda function URL of the template.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export class FunctionUrl {
  constructor(
    private readonly id: string,
    private readonly functionName: string,
    private readonly functions: LambdaFunctions,
    private readonly options: { readonly trustForwardedFor?: boolean | undefined } = {},
  ) {}

  /** Returns the functions that have a URL, by the URL's logical ID. */
  static functionsIn(template: Template): Map<string, string> {
    return new Map(
      template.resources<UrlProperties>("AWS::Lambda::Url").map(({ logicalId, properties }) => {
        const { AuthType, InvokeMode = "BUFFERED", TargetFunctionArn } = properties;
        if (AuthType !== "NONE" || InvokeMode !== "BUFFERED") {
          throw new Error(
            `the local stack does not support the function URL ${logicalId}: only public URLs with buffered responses`,
          );
        }
        return [logicalId, logicalIdOfArn(TargetFunctionArn)];
      }),
    );
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const own = { "x-amzn-requestid": requestId };
    try {
      const [rawPath = "/"] = (request.url ?? "/").split("?");
      const payload = httpPayload(request, {
        accountId: "anonymous",
        apiId: this.id.toLowerCase(),
        domainName: `${this.id.toLowerCase()}.lambda-url.${REGION}.on.aws`,
        stage: "$default",
        routeKey: "$default",
        // Unlike an HTTP API, a function URL does not decode the path.
        rawPath,
        sourceIp: sourceIp(request, this.options.trustForwardedFor ?? false),
        requestId,
        pathParameters: null,
      });
      const event = { ...payload, ...(await readBody(request)) };
      const result = await this.functions.invoke(this.functionName, event, newTraceHeader());
      sendAnswer(response, result, own);
    } catch (error) {
      const failed = new HttpRejection(502, "Internal Server Error");
      sendRejection(response, error instanceof HttpRejection ? error : failed, own);
    }
  }
}

import { App, Fn, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import {
  AuthorizationType,
  CfnGatewayResponse,
  type CfnRestApi,
  Cors,
  GatewayResponse,
  type IRestApi,
  MockIntegration,
  ResponseType,
  RestApi,
  type RestApiProps,
} from "aws-cdk-lib/aws-apigateway";
import { describe, expect, it } from "vitest";
import type { AttachOptions } from "../../infra/constructs/attachments.ts";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";

interface Scene {
  readonly stack: Stack;
  readonly api: RestApi;
  readonly monitoring: OAuthMonitoring;
}

function scene(props: RestApiProps = {}): Scene {
  const stack = new Stack(new App(), "Shop");
  const api = new RestApi(stack, "Orders", props);
  api.root.addMethod("GET", new MockIntegration());
  return { stack, api, monitoring: new OAuthMonitoring(stack, "Oam", { alarms: false }) };
}

interface Response {
  readonly status: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Returns a stack's gateway responses by type. Fails if a type occurs twice. */
function getResponses(stack: Stack): Record<string, Response> {
  const found = Object.values(
    Template.fromStack(stack).findResources("AWS::ApiGateway::GatewayResponse"),
  ).map(
    ({ Properties: { ResponseType: type, StatusCode, ResponseParameters, ResponseTemplates } }) => {
      const headers = Object.entries<string>(ResponseParameters ?? {}).map(([name, value]) => [
        name.replace("gatewayresponse.header.", ""),
        value,
      ]);
      return [
        type as string,
        {
          status: StatusCode,
          headers: Object.fromEntries(headers),
          body: ResponseTemplates?.["application/json"],
        },
      ] as const;
    },
  );
  expect(found).toHaveLength(new Set(found.map(([type]) => type)).size);
  return Object.fromEntries(found);
}

function attached(
  options: AttachOptions = {},
  props: RestApiProps = {},
  then?: (s: Scene) => void,
) {
  const made = scene(props);
  made.monitoring.attach(made.api, options);
  then?.(made);
  return getResponses(made.stack);
}

const CORS = "Access-Control-Allow-Origin";

describe("attach with gateway responses", () => {
  it.each([
    [
      "the API's own addGatewayResponse",
      ({ api }: Scene, type: ResponseType) =>
        void api.addGatewayResponse("Own", { type, statusCode: "418" }),
    ],
    [
      "a construct elsewhere in the stack",
      ({ stack, api }: Scene, type: ResponseType) =>
        void new GatewayResponse(stack, "Own", {
          restApi: api as IRestApi,
          type,
          statusCode: "418",
        }),
    ],
    [
      "a CloudFormation resource with a manual reference",
      ({ stack, api }: Scene, { responseType }: ResponseType) =>
        void new CfnGatewayResponse(stack, "Own", {
          restApiId: Fn.ref(stack.getLogicalId(api.node.defaultChild as CfnRestApi)),
          responseType,
          statusCode: "418",
        }),
    ],
  ])(
    "never creates a second gateway response of a type that the API defines by %s",
    (_, addOwn) => {
      const types = attached({}, {}, (made) => addOwn(made, ResponseType.DEFAULT_4XX));
      expect(types.DEFAULT_4XX?.status).toBe("418");
      expect(types.ACCESS_DENIED?.status).toBe("403");
    },
  );

  it("ignores gateway responses that belong to a different API", () => {
    const types = attached({}, {}, ({ stack }) => {
      const other = new RestApi(stack, "Other");
      other.root.addMethod("GET", new MockIntegration());
      other.addGatewayResponse("Own", { type: ResponseType.QUOTA_EXCEEDED });
      new GatewayResponse(stack, "OwnAbove", {
        restApi: other as IRestApi,
        type: ResponseType.WAF_FILTERED,
      });
    });
    expect(Object.keys(types)).toEqual(expect.arrayContaining(["THROTTLED", "UNAUTHORIZED"]));
  });

  it("copies headers from the API's default responses so that browsers can show errors", () => {
    const types = attached({}, {}, ({ api }) => {
      api.addGatewayResponse("Refused", {
        type: ResponseType.DEFAULT_4XX,
        responseHeaders: { [CORS]: "'https://shop.example'", "content-type": "'text/plain'" },
      });
      api.addGatewayResponse("Failed", {
        type: ResponseType.DEFAULT_5XX,
        responseHeaders: { [CORS]: "'https://ops.example'" },
      });
    });
    for (const type of ["UNAUTHORIZED", "ACCESS_DENIED", "THROTTLED", "REQUEST_TOO_LARGE"]) {
      expect(types[type]?.headers[CORS]).toBe("'https://shop.example'");
      expect(types[type]?.headers).not.toHaveProperty("content-type");
      expect(types[type]?.headers["Content-Type"]).toBe("'application/problem+json'");
    }
    expect(types.AUTHORIZER_FAILURE?.headers[CORS]).toBe("'https://ops.example'");
    expect(types.UNAUTHORIZED?.headers["WWW-Authenticate"]).toContain("Bearer");
  });

  it("follows the API's CORS options when it has no default response", () => {
    const types = attached(
      {},
      {
        defaultCorsPreflightOptions: {
          allowOrigins: ["https://shop.example"],
          allowCredentials: true,
          exposeHeaders: ["X-Total"],
        },
      },
    );
    for (const { headers } of Object.values(types)) {
      expect(headers).toMatchObject({
        [CORS]: "'https://shop.example'",
        "Access-Control-Allow-Credentials": "'true'",
        "Access-Control-Expose-Headers": "'X-Total,WWW-Authenticate,Retry-After'",
        Vary: "'Origin'",
      });
    }
    const open = attached({}, { defaultCorsPreflightOptions: { allowOrigins: Cors.ALL_ORIGINS } });
    expect(open.UNAUTHORIZED?.headers[CORS]).toBe("'*'");
    expect(open.UNAUTHORIZED?.headers).not.toHaveProperty("Vary");
    expect(attached().UNAUTHORIZED?.headers).not.toHaveProperty(CORS);
  });

  it("warns about several CORS origins unless custom headers are given", () => {
    const allowedOrigins = ["https://a.example", "https://b.example"];
    const props = { defaultCorsPreflightOptions: { allowOrigins: allowedOrigins } };
    const found = (options: AttachOptions) => {
      const { stack, api, monitoring } = scene(props);
      monitoring.attach(api, options);
      expect(getResponses(stack).UNAUTHORIZED?.headers[CORS]).toBe(
        options.gatewayResponses ? "method.request.header.Origin" : undefined,
      );
      return api.node.metadata.filter(({ data }) => String(data).includes("several CORS origins"));
    };
    expect(found({})).toHaveLength(1);
    const headers = { [CORS]: "method.request.header.Origin" };
    expect(found({ gatewayResponses: { headers } })).toEqual([]);
  });

  it("lets custom headers override the defaults and omits excluded types", () => {
    const types = attached({
      gatewayResponses: {
        headers: { "cache-control": "'max-age=1'" },
        except: [ResponseType.THROTTLED, ResponseType.DEFAULT_4XX],
      },
    });
    expect(types.UNAUTHORIZED?.headers["cache-control"]).toBe("'max-age=1'");
    expect(types.UNAUTHORIZED?.headers).not.toHaveProperty("Cache-Control");
    expect(types).not.toHaveProperty("THROTTLED");
    expect(types).not.toHaveProperty("DEFAULT_4XX");
    expect(types.MISSING_AUTHENTICATION_TOKEN?.status).toBe("404");
  });

  it("keeps the response to unsigned calls to an IAM method unless configured otherwise", () => {
    const signed = ({ api }: Scene) =>
      void api.root.addResource("signed").addMethod("GET", new MockIntegration(), {
        authorizationType: AuthorizationType.IAM,
      });
    expect(attached({}, {}, signed)).not.toHaveProperty("MISSING_AUTHENTICATION_TOKEN");
    expect(attached().MISSING_AUTHENTICATION_TOKEN?.status).toBe("404");
    const notified = attached({ gatewayResponses: { except: [] } }, {}, signed);
    expect(notified.MISSING_AUTHENTICATION_TOKEN?.status).toBe("404");
  });

  it("keeps the missing-token response of an imported API, whose methods are unknown", () => {
    const stack = new Stack(new App(), "Shop");
    const api = RestApi.fromRestApiAttributes(stack, "Imported", {
      restApiId: "abc123",
      rootResourceId: "root",
    });
    new OAuthMonitoring(stack, "Oam").attach(api, { gatewayResponses: true });
    const types = getResponses(stack);
    expect(types.ACCESS_DENIED?.status).toBe("403");
    expect(types).not.toHaveProperty("MISSING_AUTHENTICATION_TOKEN");
  });

  it("never repeats API Gateway's error message, which can contain the token", () => {
    for (const { headers, body } of Object.values(attached())) {
      const text = JSON.stringify({ headers, body });
      expect(text).not.toMatch(/error\.message|validationErrorString|request\.header/i);
    }
  });

  it("can use fixed headers instead of context variables from the authorizer", () => {
    const getHeaders = (denialChallenge?: "decision" | "fixed") =>
      JSON.stringify(
        Object.values(
          attached({ gatewayResponses: denialChallenge ? { denialChallenge } : true }),
        ).map(({ headers }) => headers),
      );
    expect(getHeaders()).toContain('"context.authorizer.www_authenticate"');
    expect(getHeaders("decision")).toEqual(getHeaders());
    expect(getHeaders("fixed")).not.toContain("context.");
    expect(getHeaders("fixed")).toContain("insufficient_scope");
  });
});

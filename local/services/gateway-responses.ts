import type { Template } from "./template.ts";

interface GatewayResponseProperties {
  readonly ResponseType: string;
  readonly StatusCode?: string;
  readonly ResponseParameters?: Readonly<Record<string, string>>;
  readonly ResponseTemplates?: Readonly<Record<string, string>>;
}

/** The variables of a gateway response. */
export interface GatewayContext {
  readonly requestId: string;
  readonly message: string;
  /** Request headers by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly authorizer: Readonly<Record<string, string>>;
}

interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** AWS's default status for each response type. */
const DEFAULT_STATUS: Readonly<Record<string, number>> = {
  UNAUTHORIZED: 401,
  ACCESS_DENIED: 403,
  AUTHORIZER_FAILURE: 500,
  AUTHORIZER_CONFIGURATION_ERROR: 500,
  MISSING_AUTHENTICATION_TOKEN: 403,
  INVALID_SIGNATURE: 403,
  REQUEST_TOO_LARGE: 413,
  REQUEST_URI_TOO_LONG: 414,
  INTEGRATION_FAILURE: 504,
};

/**
 * Evaluates a header's mapping expression.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html
 */
function mapped(source: string, type: string, context: GatewayContext): string {
  if (source.startsWith("'")) return source.slice(1, -1);
  const [, header] = /^method\.request\.header\.(.+)$/.exec(source) ?? [];
  if (header !== undefined) return [context.headers[header.toLowerCase()]].flat().at(-1) ?? "";
  return variable(source.replace(/^context\./, ""), type, context);
}

function variable(name: string, type: string, context: GatewayContext): string {
  const [, authorizerKey] = /^authorizer\.(.+)$/.exec(name) ?? [];
  if (authorizerKey !== undefined) return context.authorizer[authorizerKey] ?? "";
  switch (name) {
    case "requestId":
      return context.requestId;
    case "error.responseType":
      return type;
    case "error.message":
      return context.message;
    case "error.messageString":
      return JSON.stringify(context.message);
    default:
      return "";
  }
}

/** The template's gateway responses. As in API Gateway, response templates only substitute variables. */
export class GatewayResponses {
  readonly #byType: ReadonlyMap<string, GatewayResponseProperties>;

  constructor(template: Template) {
    this.#byType = new Map(
      template
        .resources<GatewayResponseProperties>("AWS::ApiGateway::GatewayResponse")
        .map(({ properties }) => [properties.ResponseType, properties]),
    );
  }

  render(type: string, context: GatewayContext): GatewayAnswer {
    const status = DEFAULT_STATUS[type] ?? 500;
    const configured =
      this.#byType.get(type) ?? this.#byType.get(status < 500 ? "DEFAULT_4XX" : "DEFAULT_5XX");
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    for (const [parameter, source] of Object.entries(configured?.ResponseParameters ?? {})) {
      const value = mapped(source, type, context);
      if (value) headers[parameter.replace("gatewayresponse.header.", "")] = value;
    }
    const body =
      configured?.ResponseTemplates?.["application/json"] ??
      '{"message":$context.error.messageString}';
    return {
      status: Number(configured?.StatusCode ?? status),
      headers,
      body: body.replace(/\$context\.([A-Za-z0-9_.]+)/g, (_, name: string) =>
        variable(name, type, context),
      ),
    };
  }
}

import { Resource, Stack } from "aws-cdk-lib";
import {
  AuthorizationType,
  type CfnRestApi,
  type IAuthorizer,
  type IResource,
  type IRestApi,
  type Method,
  type MethodOptions,
  type ResourceBase,
  type RestApiBase,
} from "aws-cdk-lib/aws-apigateway";
import type {
  HttpApi,
  HttpRoute,
  IHttpApi,
  IHttpRoute,
  IHttpRouteAuthorizer,
} from "aws-cdk-lib/aws-apigatewayv2";
import { Construct, type IConstruct } from "constructs";
import type { Alarms, ServerErrorsThreshold } from "./alarms.ts";
import { ApiProtection, HttpApiProtection } from "./api-protection.ts";
import type { Functions } from "./functions.ts";
import type { MetricsDashboard } from "./metrics-dashboard.ts";
import { type GatewayResponseOptions, ProblemResponses } from "./problem-responses.ts";

/** REST API targets of `attach`: an API, a resource with everything below it, or a method. */
export type ProtectedTarget = IRestApi | RestApiBase | IResource | ResourceBase | Method;

/** Options of `attach` for a REST API. */
export interface AttachOptions {
  /**
   * Methods to leave unprotected. A resource includes everything below it.
   *
   * @default - none
   */
  readonly except?: readonly (Method | IResource | ResourceBase)[];

  /**
   * Whether to add gateway responses that turn denied calls into problem documents (RFC 9457) with `WWW-Authenticate`
   * (RFC 6750). Gateway responses that the API already has are left unchanged. The added responses use the headers of
   * the API's `DEFAULT_4XX` and `DEFAULT_5XX`, or else the API's CORS headers.
   *
   * @default - true; false for an imported API
   */
  readonly gatewayResponses?: boolean | GatewayResponseOptions;

  /**
   * Whether to add an alarm on the API's 5XX responses, or the alarm's threshold.
   *
   * @default - true; false for an imported API, and if the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;

  /**
   * Whether to show the API on the CloudWatch dashboard.
   *
   * @default - true; false for an imported API, and if the construct has no dashboard
   */
  readonly metricsDashboard?: boolean;
}

/** HTTP API targets of `attach`: an API or one route. */
export type ProtectedHttpTarget = IHttpApi | HttpApi | IHttpRoute | HttpRoute;

/** Options of `attach` for an HTTP API. */
export interface AttachHttpOptions {
  /**
   * Routes to leave unprotected.
   *
   * @default - none
   */
  readonly except?: readonly (IHttpRoute | HttpRoute)[];

  /**
   * Whether to add an alarm on the API's 5XX responses, or the alarm's threshold.
   *
   * @default - true; false for an imported API, and if the construct has no alarms
   */
  readonly alarm?: boolean | ServerErrorsThreshold;
}

/** An HTTP API behind the authorizer. */
export interface AttachedHttpApi {
  /** The authorizer, for routes that you want to protect yourself. */
  readonly authorizer: IHttpRouteAuthorizer;
}

/** Whether a target is an HTTP API or one of its routes. */
export function isHttp(
  target: ProtectedTarget | ProtectedHttpTarget,
): target is ProtectedHttpTarget {
  return "httpApi" in target || "isHttpApi" in target || "httpApiId" in target;
}

/** Options of `attach` that apply to the whole API. */
const API_OPTIONS = ["gatewayResponses", "alarm", "metricsDashboard"] as const;

/** A REST API behind the authorizer. */
export interface AttachedApi {
  /** The authorizer, for methods that you want to protect yourself. */
  readonly authorizer: IAuthorizer;
  /** Options for methods that you add to an imported API. They set the authorizer. */
  readonly methodOptions: MethodOptions;
}

/** Properties of the attachments. */
export interface AttachmentsProps {
  readonly functions: Functions;
  readonly realm: string;
  readonly alarms: Alarms | undefined;
  readonly metricsDashboard: MetricsDashboard | undefined;
  /** Resources that the app passed to the construct, by property. */
  readonly brought: Readonly<Record<string, IConstruct | undefined>>;
}

type WholeApiOptions = Required<Pick<AttachOptions, (typeof API_OPTIONS)[number]>>;

interface Attached {
  readonly protection: ApiProtection | HttpApiProtection;
  readonly options: WholeApiOptions;
}

/** The APIs behind the authorizer. */
export class Attachments {
  readonly #attached = new Map<IRestApi | IHttpApi, Attached>();

  constructor(
    private readonly monitoring: Construct,
    private readonly props: AttachmentsProps,
  ) {}

  attachRest(target: ProtectedTarget, options: AttachOptions): AttachedApi {
    const api = ("restApiRootResourceId" in target ? target : target.api) as IRestApi;
    const protection = this.#getProtection(api, options, (scope, apiOptions) =>
      this.#protectRest(scope, api, apiOptions),
    );
    protection.protect(target, options.except ?? []);
    const { authorizer } = protection;
    return {
      authorizer,
      methodOptions: { authorizer, authorizationType: AuthorizationType.CUSTOM },
    };
  }

  attachHttp(target: ProtectedHttpTarget, options: AttachHttpOptions): AttachedHttpApi {
    const isRoute = "httpApi" in target;
    const api = (isRoute ? target.httpApi : target) as IHttpApi;
    const { alarm } = options;
    const protection = this.#getProtection(
      api,
      alarm === undefined ? {} : { alarm },
      (scope, apiOptions) => this.#protectHttp(scope, api, apiOptions),
    );
    if (isRoute) protection.protectRoute(target as IHttpRoute);
    else protection.protectAll(options.except ?? []);
    return { authorizer: protection.authorizer };
  }

  /** @throws Error if the API is already attached with different options */
  #getProtection<P extends Attached["protection"]>(
    api: IRestApi | IHttpApi,
    requested: AttachOptions,
    protect: (scope: Construct, options: WholeApiOptions) => P,
  ): P {
    const existing = this.#attached.get(api);
    if (existing) {
      const ignored = API_OPTIONS.find(
        (name) =>
          requested[name] !== undefined &&
          JSON.stringify(requested[name]) !== JSON.stringify(existing.options[name]),
      );
      if (!ignored) return existing.protection as P;
      throw new Error(
        `${api.node.path} is already attached. Set ${ignored} in the first attach call of this API`,
      );
    }
    this.#checkStacks(api);
    // An imported API isn't a resource of this app.
    const isOurs = Resource.isOwnedResource(api);
    const options = {
      gatewayResponses: requested.gatewayResponses ?? isOurs,
      alarm: requested.alarm ?? isOurs,
      metricsDashboard: requested.metricsDashboard ?? isOurs,
    };
    // Created in the API's scope, because the API may be in a different stack, which must depend on this stack and not
    // the reverse.
    const scope = new Construct(api, `OAuthMonitoring${this.monitoring.node.addr.slice(-8)}`);
    const protection = protect(scope, options);
    this.#attached.set(api, { protection, options });
    return protection;
  }

  #protectRest(scope: Construct, api: IRestApi, options: WholeApiOptions): ApiProtection {
    const { alarms, functions, metricsDashboard, realm } = this.props;
    const { gatewayResponses, alarm } = options;
    const { body, bodyS3Location } = (api.node.defaultChild ?? {}) as Partial<CfnRestApi>;
    if (body !== undefined || bodyS3Location !== undefined) {
      throw new Error(
        `${api.node.path} is defined by an OpenAPI document, so attach cannot protect its methods. Reference the construct's authorizerFunction in the document's x-amazon-apigateway-authorizer`,
      );
    }
    const authorizerFunctionArn = functions.authorizer.functionArn;
    const protection = new ApiProtection(scope, "Protection", { api, authorizerFunctionArn });
    if (gatewayResponses) {
      const responseOptions = gatewayResponses === true ? {} : gatewayResponses;
      new ProblemResponses(scope, "Responses", { ...responseOptions, api, realm });
    }
    if (alarm) alarms?.watchApi(scope, api, alarm === true ? {} : alarm);
    if (options.metricsDashboard) metricsDashboard?.addApi(api);
    return protection;
  }

  #protectHttp(scope: Construct, api: IHttpApi, { alarm }: WholeApiOptions): HttpApiProtection {
    const { alarms, functions } = this.props;
    const authorizerFunctionArn = functions.authorizer.functionArn;
    const protection = new HttpApiProtection(scope, "Protection", { api, authorizerFunctionArn });
    if (alarm) alarms?.watchHttpApi(scope, api, alarm === true ? {} : alarm);
    return protection;
  }

  /**
   * @throws Error if the API's stack can't depend on the construct's stack: the API's stack is in another account or
   * region, or the construct's stack depends on it
   */
  #checkStacks(api: IRestApi | IHttpApi): void {
    const monitoringStack = Stack.of(this.monitoring);
    const apiStack = Stack.of(api);
    if (apiStack === monitoringStack) return;
    if (apiStack.environment !== monitoringStack.environment) {
      throw new Error(
        `${api.node.path} is deployed to ${apiStack.environment} and ${this.monitoring.node.path} to ${monitoringStack.environment}: API Gateway needs the authorizer in its own account and region. Give both stacks the same env, or deploy a separate OAuthMonitoring in that account and region. docs/attach.md explains how to collect their events in one audit log`,
      );
    }
    for (const [name, resource] of Object.entries(this.props.brought)) {
      if (resource && Stack.of(resource) === apiStack && Resource.isOwnedResource(resource)) {
        throw new Error(
          `${resource.node.path}, the ${name} of ${this.monitoring.node.path}, is in the stack of ${api.node.path}, so the two stacks would depend on each other. Move it to the stack ${monitoringStack.node.path} or to a separate stack, or import it there by its ARN or id`,
        );
      }
    }
  }
}

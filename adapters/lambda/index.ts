/**
 * Protects a Lambda function directly: behind a function URL, a load balancer, or an API without an authorizer.
 *
 * @module lambda
 */
export { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
export {
  type InputError,
  InvalidInputError,
  OAuthMonitoringError,
} from "../../shared/core/errors.ts";
export type { Logger } from "../../shared/core/telemetry.ts";
export type { Caller } from "../http/decide.ts";
export type { McpOptions } from "../http/mcp-options.ts";
export type { AdapterEnvironment } from "../http/open-adapter.ts";
export { getCaller } from "./invoked-call.ts";
export {
  type LambdaMiddleware,
  type LambdaMiddlewareOptions,
  type LambdaMiddlewareRequest,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

/** Protects a Lambda function directly: behind a function URL, a load balancer, or an API without an authorizer. */
export { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
export { type Fault, InvalidInputError } from "../../shared/core/faults.ts";
export type { Logger } from "../../shared/core/logger.ts";
export { OAuthMonitoringError } from "../../shared/core/oauth-monitoring-error.ts";
export type { Caller } from "../http/caller.ts";
export type { McpOptions } from "../http/mcp-options.ts";
export type { AdapterEnvironment } from "../http/open-adapter.ts";
export { callerOf } from "./caller-of.ts";
export {
  type LambdaMiddleware,
  type LambdaMiddlewareOptions,
  type LambdaMiddlewareRequest,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

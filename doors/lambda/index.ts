/** Protects a Lambda function of its own: a function URL, a load balancer's target, an API without authorizer. */
export { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
export { type Fault, InvalidInputError } from "../../shared/errors/faults.ts";
export { OAuthMonitoringError } from "../../shared/errors/oauth-monitoring-error.ts";
export type { Logger } from "../../shared/telemetry/logger.ts";
export type { DoorEnvironment } from "../decide/open-door.ts";
export type { Caller } from "../http/caller.ts";
export type { McpOptions } from "../mcp/mcp-options.ts";
export { callerOf } from "./caller-of.ts";
export {
  type LambdaMiddleware,
  type LambdaMiddlewareOptions,
  type LambdaMiddlewareRequest,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

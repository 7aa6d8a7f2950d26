/** Protects a Node.js server in a container, as a `(req, res, next)` middleware or with Fetch API requests. */
export { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
export { type Fault, InvalidInputError } from "../../shared/core/faults.ts";
export type { Logger } from "../../shared/core/logger.ts";
export { OAuthMonitoringError } from "../../shared/core/oauth-monitoring-error.ts";
export type { Caller } from "../http/caller.ts";
export type { McpOptions } from "../http/mcp-options.ts";
export type { AdapterEnvironment } from "../http/open-adapter.ts";
export type { Batching } from "./batching-sink.ts";
export {
  callerOf,
  type NodeMiddlewareOptions,
  type NodeMonitoring,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

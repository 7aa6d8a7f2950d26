/** Protects a Node.js server in a container: (req, res, next) and the fetch standard. */
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

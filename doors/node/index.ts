/** Protects a Node.js server in a container: (req, res, next) and the fetch standard. */
export { InvalidConfigError } from "../../shared/config/monitoring-config.ts";
export { type Fault, InvalidInputError } from "../../shared/errors/faults.ts";
export { OAuthMonitoringError } from "../../shared/errors/oauth-monitoring-error.ts";
export type { Logger } from "../../shared/telemetry/logger.ts";
export type { DoorEnvironment } from "../decide/open-door.ts";
export type { Caller } from "../http/caller.ts";
export type { McpOptions } from "../mcp/mcp-options.ts";
export type { Batching } from "./batching-sink.ts";
export {
  callerOf,
  type NodeMiddlewareOptions,
  type NodeMonitoring,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

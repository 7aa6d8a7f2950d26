/**
 * Protects a Node.js server in a container, as a `(req, res, next)` middleware or with Fetch API requests.
 *
 * @module node
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
export type { Batching } from "./batching-sink.ts";
export {
  getCaller,
  type NodeMiddlewareOptions,
  type NodeMonitoring,
  oauthMonitoring,
} from "./oauth-monitoring.ts";

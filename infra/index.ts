/**
 * CDK constructs that monitor an API.
 *
 * @module oauth-monitoring
 */
export type { FunctionName } from "../shared/config/function-parameters.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
} from "../shared/config/monitoring-config.ts";
export { type Fault, InvalidInputError, OAuthMonitoringError } from "../shared/core/errors.ts";
export type { MetricName, MetricService } from "../shared/core/telemetry.ts";
export type { AdminApi, AdminApiProps } from "./constructs/admin-api.ts";
export type { ServerErrorsThreshold } from "./constructs/alarms.ts";
export type { GatewayResponseOptions } from "./constructs/problem-responses.ts";
export {
  type AttachedApi,
  type AttachedHttpApi,
  type AttachHttpOptions,
  type AttachOptions,
  type MonitoringTables,
  OAuthMonitoring,
  type ProtectedHttpTarget,
  type ProtectedTarget,
} from "./oauth-monitoring.ts";
export type {
  DefaultScopes,
  OAuthMonitoringProps,
  RouteAccess,
} from "./oauth-monitoring-props.ts";
export { OAuthMonitoringStack, type OAuthMonitoringStackProps } from "./oauth-monitoring-stack.ts";

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
export { type InputError, InvalidInputError, OAuthMonitoringError } from "../shared/core/errors.ts";
export type { MetricName, MetricService } from "../shared/core/telemetry.ts";
export type { AdminApi, AdminApiProps } from "./constructs/admin-api.ts";
export type { ServerErrorsThreshold } from "./constructs/alarms.ts";
export type {
  AttachedApi,
  AttachedHttpApi,
  AttachHttpOptions,
  AttachOptions,
  ProtectedHttpTarget,
  ProtectedTarget,
} from "./constructs/attachments.ts";
export type { GatewayResponseOptions } from "./constructs/problem-responses.ts";
export { type MonitoringTables, OAuthMonitoring } from "./oauth-monitoring.ts";
export type {
  DeepReadonly,
  DefaultScopes,
  OAuthMonitoringProps,
  RouteAccess,
  SharedSettings,
} from "./oauth-monitoring-props.ts";
export { OAuthMonitoringStack, type OAuthMonitoringStackProps } from "./oauth-monitoring-stack.ts";

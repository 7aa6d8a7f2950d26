/** The construct that monitors an API, and the stack around it. */
export { InvalidConfigError } from "../shared/config/monitoring-config.ts";
export { OAuthMonitoring, type OAuthMonitoringProps } from "./oauth-monitoring.ts";
export { OAuthMonitoringStack, type OAuthMonitoringStackProps } from "./oauth-monitoring-stack.ts";

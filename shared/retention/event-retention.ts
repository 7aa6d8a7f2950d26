import {
  MINIMUM_SECURITY_RETENTION_DAYS,
  type MonitoringConfig,
} from "../config/monitoring-config.ts";
import { isSecurityEventType } from "../events/oauth-event.ts";

/** Days an event of the type is kept; a security event never less than 90. */
export function retentionDays(
  config: Pick<MonitoringConfig, "retention">,
  eventType: string,
): number {
  const { daysByEventType, defaultDays } = config.retention;
  // A type may be called as objects call their own members.
  const configured = Object.hasOwn(daysByEventType, eventType)
    ? daysByEventType[eventType]
    : undefined;
  const days = configured ?? defaultDays;
  return isSecurityEventType(eventType) ? Math.max(days, MINIMUM_SECURITY_RETENTION_DAYS) : days;
}

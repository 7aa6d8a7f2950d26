import { isSecurityEventType } from "../events/oauth-event.ts";
import { MINIMUM_SECURITY_RETENTION_DAYS, type MonitoringConfig } from "./monitoring-config.ts";

/** Days an event of the type is kept; a security event never less than 90. */
export function retentionDays(
  config: Pick<MonitoringConfig, "retention">,
  eventType: string,
): number {
  const { daysByEventType, defaultDays } = config.retention;
  // `constructor` may be a type, and every object has one.
  const own = Object.hasOwn(daysByEventType, eventType) ? daysByEventType[eventType] : undefined;
  const days = own ?? defaultDays;
  return isSecurityEventType(eventType) ? Math.max(days, MINIMUM_SECURITY_RETENTION_DAYS) : days;
}

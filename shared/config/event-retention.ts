import { isSecurityEventType } from "../events/oauth-event.ts";
import { MINIMUM_SECURITY_RETENTION_DAYS, type MonitoringConfig } from "./monitoring-config.ts";

/** Returns the number of days to keep an event of this type: at least 90 for security events. */
export function retentionDays(
  config: Pick<MonitoringConfig, "retention">,
  eventType: string,
): number {
  const { daysByEventType, defaultDays } = config.retention;
  // An event type may be called `constructor`, which every object inherits.
  const own = Object.hasOwn(daysByEventType, eventType) ? daysByEventType[eventType] : undefined;
  const days = own ?? defaultDays;
  return isSecurityEventType(eventType) ? Math.max(days, MINIMUM_SECURITY_RETENTION_DAYS) : days;
}

/** CloudWatch namespace of the functions' own metrics. */
export const METRICS_NAMESPACE = "OAuthMonitoring";

/** The metrics of each service, which is a function's folder. No dimension but service and stack. */
export const METRIC_NAMES = {
  authorizer: [
    "Allowed",
    "AuthFailed",
    "ScopeViolation",
    "Unavailable",
    "DecisionDuration",
    "EventsSetAside",
    "EventsLost",
  ],
  subscriber: [
    "EventsStored",
    "EventsDuplicate",
    "EventsRejected",
    "EventsRetried",
    "EventLag",
    "AuthFailed",
    "ScopeViolation",
    "SuspiciousActivity",
  ],
  republisher: ["EventsReturned", "EventsRefused"],
  cleanup: [
    "AccessTokensRemoved",
    "AuthorizationCodesRemoved",
    "SessionsRemoved",
    "EventsRemoved",
    "CleanupFinished",
    "CleanupDuration",
  ],
  anomalies: ["AlertsOpened", "AlertsResolved", "AlertsOpen", "DetectionDuration"],
} as const;

/** A function that has metrics of its own. */
export type MetricService = keyof typeof METRIC_NAMES;

/** The name of one of a service's metrics. */
export type MetricName<S extends MetricService> = (typeof METRIC_NAMES)[S][number];

/** The subset of a structured logger, such as Powertools, that the library uses. */
export interface Logger {
  /** Logs details for troubleshooting. */
  debug(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs a normal event. */
  info(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs something that may need attention. */
  warn(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs a failure. */
  error(message: string, ...extra: Record<string, unknown>[]): void;
}

/** CloudWatch namespace of the functions' custom metrics. */
export const METRICS_NAMESPACE = "OAuthMonitoring";

/** Metrics by service. A service is named after its function's folder. The only dimensions are service and stack. */
export const METRIC_NAMES = {
  authorizer: [
    "Allowed",
    "AuthFailed",
    "ScopeViolation",
    "Unavailable",
    "DecisionDuration",
    "InitDuration",
    "EventsSpooled",
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
  republisher: ["EventsReturned", "EventsRejected"],
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

/** Outcomes for received SETs. Rejected SETs are also counted by their RFC 8935 `err` code. */
const RECEIVED = [
  ...(["SetsAccepted", "SetsDeferred", "SetsRejected"] as const),
  ...(["InvalidRequest", "InvalidKey", "InvalidIssuer", "InvalidAudience"] as const),
  ...(["AuthenticationFailed", "AccessDenied"] as const),
] as const;

/** Metrics for Shared Signals, webhooks and the provider endpoint, which are off by default. */
export const SIGNAL_METRIC_NAMES = {
  "signal-receiver": RECEIVED,
  "signal-poller": [...RECEIVED, "PollsFailed"],
  "signal-transmitter": ["EventsTransmitted", "EventsRetried"],
  "signal-delivery": ["SetsPushed", "PushesRetried"],
  "signal-streams": ["SetsPolled"],
  webhook: ["NoticesDelivered", "NoticesRetried"],
  "provider-endpoint": [
    ...(["RecordsAccepted", "RecordsRejected", "RequestsFailed"] as const),
    ...(["RequestsUnauthenticated", "RequestsUnreadable"] as const),
  ],
} as const;

/** A service that publishes custom metrics. */
export type MetricService = keyof (typeof METRIC_NAMES & typeof SIGNAL_METRIC_NAMES);

/** Name of a metric that a service publishes. */
export type MetricName<S extends MetricService> = (typeof METRIC_NAMES &
  typeof SIGNAL_METRIC_NAMES)[S][number];

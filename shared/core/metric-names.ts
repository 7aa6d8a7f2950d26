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
    "InitDuration",
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

/** What became of SETs that were received: the refused ones by the `err` of RFC 8935. */
const RECEIVED = [
  ...(["SetsTaken", "SetsLeft", "SetsRefused"] as const),
  ...(["InvalidRequest", "InvalidKey", "InvalidIssuer", "InvalidAudience"] as const),
  ...(["AuthenticationFailed", "AccessDenied"] as const),
] as const;

/** The metrics of Shared Signals, of webhooks and of the providers' endpoint, which are off by default. */
export const SIGNAL_METRIC_NAMES = {
  "signal-receiver": RECEIVED,
  "signal-poller": [...RECEIVED, "PollsFailed"],
  "signal-transmitter": ["EventsTransmitted", "EventsRetried"],
  "signal-delivery": ["SetsPushed", "PushesRetried"],
  "signal-streams": ["SetsPolled"],
  webhook: ["NoticesTaken", "NoticesRetried"],
  "provider-endpoint": [
    ...(["RecordsTaken", "RecordsRefused", "RequestsLeft"] as const),
    ...(["RequestsUnauthenticated", "RequestsUnreadable"] as const),
  ],
} as const;

/** A function that has metrics of its own. */
export type MetricService = keyof (typeof METRIC_NAMES & typeof SIGNAL_METRIC_NAMES);

/** The name of one of a service's metrics. */
export type MetricName<S extends MetricService> = (typeof METRIC_NAMES &
  typeof SIGNAL_METRIC_NAMES)[S][number];

/** The library: the operations of OAuth monitoring, free of Lambda and HTTP. */
export { alertSuspiciousActivity } from "./alerts/alert-suspicious-activity.ts";
export { storeAuthorizationCode } from "./authorization-codes/store-authorization-code.ts";
export { listClients } from "./clients/list-clients.ts";
export { registerClient } from "./clients/register-client.ts";
export { type Clock, systemClock } from "./clock/clock.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "./config/monitoring-config.ts";
export { createDocumentClient } from "./dynamodb/client.ts";
export { createEventPublisher, PublishError } from "./events/event-publisher.ts";
export type { EventSink } from "./events/event-sink.ts";
export { type OAuthEvent, oauthEventSchema } from "./events/oauth-event.ts";
export { queryEvents } from "./events/query-events.ts";
export { trackEvent } from "./events/track-event.ts";
export { trackScopeValidation } from "./events/track-scope-validation.ts";
export type { OcsfEvent } from "./ocsf/ocsf-event.ts";
export { toOcsfEvent } from "./ocsf/to-ocsf-event.ts";
export { attach as attachToOidcProvider } from "./providers/node-oidc-provider.ts";
export {
  cleanupEvents,
  cleanupExpiredSessions,
  cleanupExpiredTokens,
} from "./retention/cleanup-expired.ts";
export { endSession } from "./sessions/end-session.ts";
export { startSession } from "./sessions/start-session.ts";
export { tokenUsageStats } from "./statistics/token-usage-stats.ts";
export { issueToken } from "./tokens/issue-token.ts";
export { revokeToken } from "./tokens/revoke-token.ts";
export { trackTokenUsage } from "./tokens/track-token-usage.ts";

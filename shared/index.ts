/** The library: the operations of OAuth monitoring, free of Lambda and HTTP. */

export { storeAuthorizationCode } from "./authorization-codes/store-authorization-code.ts";
export {
  cleanupEvents,
  cleanupExpiredSessions,
  cleanupExpiredTokens,
} from "./cleanup/cleanup-expired.ts";
export { registerClient } from "./clients/register-client.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "./config/monitoring-config.ts";
export { createDocumentClient } from "./dynamodb/document-client.ts";
export { type OAuthEvent, oauthEventSchema } from "./envelope/oauth-event.ts";
export { queryEvents } from "./event-store/query-events.ts";
export type { OcsfEvent } from "./ocsf/ocsf-event.ts";
export { toOcsfEvent } from "./ocsf/to-ocsf-event.ts";
export { attach as attachToOidcProvider } from "./providers/node-oidc-provider.ts";
export { endSession } from "./sessions/end-session.ts";
export { startSession } from "./sessions/start-session.ts";
export { listClients } from "./statistics/list-clients.ts";
export { tokenUsageStats } from "./statistics/token-usage-stats.ts";
export { type Clock, systemClock } from "./time/clock.ts";
export { issueToken } from "./tokens/issue-token.ts";
export { revokeToken } from "./tokens/revoke-token.ts";
export { trackTokenUsage } from "./tokens/track-token-usage.ts";
export { alertSuspiciousActivity } from "./tracking/alert-suspicious-activity.ts";
export { createEventPublisher, PublishError } from "./tracking/event-publisher.ts";
export type { EventSink } from "./tracking/event-sink.ts";
export { trackEvent } from "./tracking/track-event.ts";
export { trackScopeValidation } from "./tracking/track-scope-validation.ts";

/** The library: OAuth monitoring operations that don't depend on Lambda or HTTP. */

export type { IssuanceStore, StatisticsStore } from "./audit-log/counter-store.ts";
export { InvalidCursorError } from "./audit-log/event-cursor.ts";
export type { EventFilters } from "./audit-log/event-index.ts";
export {
  type EventPage,
  type EventQuery,
  type QueryContext,
  queryEvents,
} from "./audit-log/query-events.ts";
export type { StoredEvent } from "./audit-log/stored-event.ts";
export type { RestrictionStore } from "./authorization/restriction.ts";
export { TooManyRestrictionsError } from "./authorization/restriction-log.ts";
export {
  type Cleanup,
  type CleanupContext,
  type CleanupLimits,
  cleanupEvents,
  cleanupExpiredSessions,
  cleanupExpiredTokens,
  type TokenCleanup,
} from "./cleanup/cleanup-expired.ts";
export type { CleanupStore } from "./cleanup/cleanup-targets.ts";
export type { DeletionLimits } from "./cleanup/delete-expired.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "./config/monitoring-config.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export {
  createDocumentClient,
  type DocumentClient,
  type Patience,
} from "./core/document-client.ts";
export { type Fault, InvalidInputError } from "./core/faults.ts";
export type { Logger } from "./core/logger.ts";
export { IncompleteRequestError, OAuthMonitoringError } from "./core/oauth-monitoring-error.ts";
export type { SendAgainOptions } from "./core/send-again.ts";
export { InvalidRangeError, type TimeRange } from "./core/time-range.ts";
export { alertSuspiciousActivity } from "./events/alert-suspicious-activity.ts";
export type { EventData } from "./events/event-data.ts";
export {
  createEventPublisher,
  type EventPublisherOptions,
  type SetAside,
} from "./events/event-publisher.ts";
export { type EventSink, PublishError } from "./events/event-sink.ts";
export { type OAuthEvent, oauthEventSchema } from "./events/oauth-event.ts";
export type { OriginKind } from "./events/origin.ts";
export {
  type EventSubject,
  type TrackEventOptions,
  type Tracking,
  trackEvent,
} from "./events/track-event.ts";
export { type ScopeHolder, trackScopeValidation } from "./events/track-scope-validation.ts";
export type {
  ApiActivityAttributes,
  AuthenticationAttributes,
  DetectionFindingAttributes,
  OcsfActor,
  OcsfAutonomousSystem,
  OcsfBaseEvent,
  OcsfEndpoint,
  OcsfEvent,
  OcsfHttpRequest,
  OcsfLocation,
  OcsfMetadata,
  OcsfSession,
  OcsfToken,
  OcsfUser,
} from "./integrations/ocsf/ocsf-event.ts";
export { type OcsfOptions, toOcsfEvent } from "./integrations/ocsf/to-ocsf-event.ts";
export {
  type AttachOptions as AttachToOidcProviderOptions,
  attach as attachToOidcProvider,
  type OidcProviderEmitter,
} from "./integrations/providers/node-oidc-provider.ts";
export type { Action, ActionHits, ActionRequest, Actor } from "./response/action.ts";
export {
  ActionChangedError,
  ActionNotFoundError,
  type ActionStore,
} from "./response/action-store.ts";
export type { ActionTarget } from "./response/action-target.ts";
export type { ActionContext } from "./response/complete-action.ts";
export {
  type ActionDecision,
  approveAction,
  rejectAction,
  releaseAction,
  WrongActionStateError,
} from "./response/decide-action.ts";
export type { HeldStore } from "./response/hits.ts";
export {
  IdempotencyKeyReusedError,
  takeAction,
} from "./response/take-action.ts";
export {
  type MonitoringContext,
  type OpenMonitoringOptions,
  openMonitoring,
} from "./stack/open-monitoring.ts";
export type { EventCounts } from "./statistics/count-events.ts";
export {
  type ClientSummary,
  type ListClientsContext,
  listClients,
} from "./statistics/list-clients.ts";
export {
  type StatsContext,
  type StatsOptions,
  type TokenUsageStats,
  tokenUsageStats,
} from "./statistics/token-usage-stats.ts";
export type { AccessToken, TokenStore } from "./tokens/access-token.ts";
export type { ClientSession, SessionStore } from "./tokens/client-session.ts";
export { endSession } from "./tokens/end-session.ts";
export type { HoldingStore } from "./tokens/holdings.ts";
export { type IssuedToken, type IssueTokenRequest, issueToken } from "./tokens/issue-token.ts";
export type { ClientStore, OAuthClient } from "./tokens/oauth-client.ts";
export { type RegisterClientRequest, registerClient } from "./tokens/register-client.ts";
export { type NamedToken, revokeNamedToken } from "./tokens/revoke-named-token.ts";
export { revokeToken, TokenNotFoundError } from "./tokens/revoke-token.ts";
export { revokeHolder, type TokenHolder } from "./tokens/revoked-holders.ts";
export {
  type StartedSession,
  type StartSessionRequest,
  startSession,
} from "./tokens/start-session.ts";
export {
  type AuthorizationCodeRequest,
  type AuthorizationCodeStore,
  storeAuthorizationCode,
} from "./tokens/store-authorization-code.ts";
export { type TokenRequest, trackTokenUsage } from "./tokens/track-token-usage.ts";

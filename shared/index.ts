/** The library: the operations of OAuth monitoring, free of Lambda and HTTP. */

export type { Action, ActionHits, ActionRequest, Actor } from "./actions/action.ts";
export {
  ActionChangedError,
  ActionNotFoundError,
  type ActionStore,
} from "./actions/action-store.ts";
export type { ActionTarget } from "./actions/action-target.ts";
export type { ActionContext } from "./actions/complete-action.ts";
export {
  type ActionDecision,
  approveAction,
  rejectAction,
  releaseAction,
  WrongActionStateError,
} from "./actions/decide-action.ts";
export type { HeldStore } from "./actions/hits.ts";
export {
  IdempotencyKeyReusedError,
  takeAction,
} from "./actions/take-action.ts";
export {
  type AuthorizationCodeRequest,
  type AuthorizationCodeStore,
  storeAuthorizationCode,
} from "./authorization-codes/store-authorization-code.ts";
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
export type { ClientStore, OAuthClient } from "./clients/oauth-client.ts";
export { type RegisterClientRequest, registerClient } from "./clients/register-client.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "./config/monitoring-config.ts";
export type { IssuanceStore, StatisticsStore } from "./counters/counter-store.ts";
export {
  createDocumentClient,
  type DocumentClient,
  type Patience,
} from "./dynamodb/document-client.ts";
export type { EventData } from "./envelope/event-data.ts";
export { type OAuthEvent, oauthEventSchema } from "./envelope/oauth-event.ts";
export type { OriginKind } from "./envelope/origin.ts";
export { type Fault, InvalidInputError } from "./errors/faults.ts";
export { IncompleteRequestError, OAuthMonitoringError } from "./errors/oauth-monitoring-error.ts";
export { InvalidCursorError } from "./event-store/event-cursor.ts";
export type { EventFilters } from "./event-store/event-index.ts";
export {
  type EventPage,
  type EventQuery,
  type QueryContext,
  queryEvents,
} from "./event-store/query-events.ts";
export type { StoredEvent } from "./event-store/stored-event.ts";
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
} from "./ocsf/ocsf-event.ts";
export { type OcsfOptions, toOcsfEvent } from "./ocsf/to-ocsf-event.ts";
export {
  type AttachOptions as AttachToOidcProviderOptions,
  attach as attachToOidcProvider,
  type OidcProviderEmitter,
} from "./providers/node-oidc-provider.ts";
export { TooManyRestrictionsError } from "./restrictions/restriction-log.ts";
export type { RestrictionStore } from "./restrictions/restriction-store.ts";
export type { SendAgainOptions } from "./sdk/send-again.ts";
export type { ClientSession, SessionStore } from "./sessions/client-session.ts";
export { endSession } from "./sessions/end-session.ts";
export {
  type StartedSession,
  type StartSessionRequest,
  startSession,
} from "./sessions/start-session.ts";
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
export type { Logger } from "./telemetry/logger.ts";
export { type Clock, systemClock } from "./time/clock.ts";
export { InvalidRangeError, type TimeRange } from "./time/time-range.ts";
export type { AccessToken, TokenStore } from "./tokens/access-token.ts";
export type { HoldingStore } from "./tokens/holdings.ts";
export { type IssuedToken, type IssueTokenRequest, issueToken } from "./tokens/issue-token.ts";
export { type NamedToken, revokeNamedToken } from "./tokens/revoke-named-token.ts";
export { revokeToken, TokenNotFoundError } from "./tokens/revoke-token.ts";
export { revokeHolder, type TokenHolder } from "./tokens/revoked-holders.ts";
export { type TokenRequest, trackTokenUsage } from "./tokens/track-token-usage.ts";
export { alertSuspiciousActivity } from "./tracking/alert-suspicious-activity.ts";
export {
  createEventPublisher,
  type EventPublisherOptions,
  type SetAside,
} from "./tracking/event-publisher.ts";
export { type EventSink, PublishError } from "./tracking/event-sink.ts";
export {
  type EventSubject,
  type TrackEventOptions,
  type Tracking,
  trackEvent,
} from "./tracking/track-event.ts";
export { type ScopeHolder, trackScopeValidation } from "./tracking/track-scope-validation.ts";

/**
 * Calls a deployed stack from your own code: issue and revoke tokens, publish events, take actions and read the audit
 * log and statistics. Start with `openMonitoring`.
 *
 * @module sdk
 */

export { InvalidCursorError } from "./audit-log/event-cursor.ts";
export type { EventFilters } from "./audit-log/event-index.ts";
export {
  type EventPage,
  type EventQuery,
  queryEvents,
} from "./audit-log/query-events.ts";
export type { StoredEvent } from "./audit-log/stored-event.ts";
export { DenyListFullError } from "./authorization/deny-list-log.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
} from "./config/monitoring-config.ts";
export type { MonitoringContext } from "./config/monitoring-context.ts";
export type { Clock } from "./core/clock.ts";
export type {
  DocumentClient,
  TimeoutProfile,
} from "./core/document-client.ts";
export {
  IncompleteRequestError,
  type InputError,
  InvalidInputError,
  OAuthMonitoringError,
} from "./core/errors.ts";
export type { Logger } from "./core/telemetry.ts";
export type { TimeRange } from "./core/time-range.ts";
export type { EventData } from "./events/event-data.ts";
export {
  createEventPublisher,
  type EventPublisherOptions,
  type EventSpool,
} from "./events/event-publisher.ts";
export { type EventSink, PublishError } from "./events/event-sink.ts";
export type { NetworkType } from "./events/ip-enrichment.ts";
export type { OAuthEvent } from "./events/oauth-event.ts";
export {
  alertSuspiciousActivity,
  type EventSubject,
  type ScopePrincipal,
  type TrackEventOptions,
  type Tracking,
  trackEvent,
  trackScopeValidation,
} from "./events/track-event.ts";
export {
  type AttachOptions as AttachToOidcProviderOptions,
  attach as attachToOidcProvider,
  type OidcProviderEmitter,
} from "./integrations/providers/node-oidc-provider.ts";
export type { Action, ActionRequest, ActionTarget, Actor } from "./response/action.ts";
export {
  ActionChangedError,
  ActionNotFoundError,
} from "./response/action-store.ts";
export type { ActionContext } from "./response/complete-action.ts";
export {
  type ActionDecision,
  approveAction,
  rejectAction,
  releaseAction,
  WrongActionStateError,
} from "./response/decide-action.ts";
export {
  IdempotencyKeyReusedError,
  takeAction,
} from "./response/take-action.ts";
export {
  type OpenMonitoringOptions,
  openMonitoring,
} from "./stack/open-monitoring.ts";
export type { EventCounts } from "./statistics/event-buckets.ts";
export {
  type ClientSummary,
  listClients,
} from "./statistics/list-clients.ts";
export {
  type StatsOptions,
  type TokenUsageStats,
  tokenUsageStats,
} from "./statistics/token-usage-stats.ts";
export type { AccessToken } from "./tokens/access-token.ts";
export {
  type ClientSession,
  endSession,
  type StartedSession,
  type StartSessionRequest,
  startSession,
} from "./tokens/client-session.ts";
export { type IssuedToken, type IssueTokenRequest, issueToken } from "./tokens/issue-token.ts";
export {
  type OAuthClient,
  type RegisterClientRequest,
  registerClient,
} from "./tokens/oauth-client.ts";
export {
  type NamedToken,
  revokeNamedToken,
  revokeToken,
  TokenNotFoundError,
} from "./tokens/revoke-token.ts";
export { revokePrincipal, type TokenPrincipal } from "./tokens/revoked-principals.ts";
export {
  type AuthorizationCodeRequest,
  storeAuthorizationCode,
} from "./tokens/store-authorization-code.ts";
export { type TokenRequest, trackTokenUsage } from "./tokens/token-use.ts";

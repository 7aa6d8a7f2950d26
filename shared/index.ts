/**
 * Calls a deployed stack from your own code: issue and revoke tokens, publish events, take actions and read the audit
 * log and statistics. Start with `openMonitoring`.
 *
 * @module sdk
 */

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
export type { DenyListStore } from "./authorization/deny-list-entry.ts";
export { DenyListFullError } from "./authorization/deny-list-log.ts";
export {
  InvalidConfigError,
  type MonitoringConfig,
  type MonitoringConfigInput,
} from "./config/monitoring-config.ts";
export type { RetryOptions } from "./core/aws-calls.ts";
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
export { InvalidRangeError, type TimeRange } from "./core/time-range.ts";
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
export type { Action, ActionHits, ActionRequest, ActionTarget, Actor } from "./response/action.ts";
export {
  ActionChangedError,
  ActionNotFoundError,
  type ActionStore,
} from "./response/action-store.ts";
export type { ActionContext } from "./response/complete-action.ts";
export {
  type ActionDecision,
  approveAction,
  rejectAction,
  releaseAction,
  WrongActionStateError,
} from "./response/decide-action.ts";
export type { ActiveCredentialStore } from "./response/hits.ts";
export {
  IdempotencyKeyReusedError,
  takeAction,
} from "./response/take-action.ts";
export {
  type MonitoringContext,
  type OpenMonitoringOptions,
  openMonitoring,
} from "./stack/open-monitoring.ts";
export type { EventCounts } from "./statistics/event-buckets.ts";
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
export {
  type ClientSession,
  endSession,
  type SessionStore,
  type StartedSession,
  type StartSessionRequest,
  startSession,
} from "./tokens/client-session.ts";
export type { CredentialStore } from "./tokens/credentials.ts";
export { type IssuedToken, type IssueTokenRequest, issueToken } from "./tokens/issue-token.ts";
export {
  type ClientStore,
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
  type AuthorizationCodeStore,
  storeAuthorizationCode,
} from "./tokens/store-authorization-code.ts";
export { type TokenRequest, trackTokenUsage } from "./tokens/token-use.ts";

import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { readEnvironment } from "../config/environment.ts";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { systemClock } from "../core/clock.ts";
import { createDocumentClient, type TimeoutProfile } from "../core/document-client.ts";
import type { Logger } from "../core/telemetry.ts";
import { createEventPublisher } from "../events/event-publisher.ts";

/** Options for `openMonitoring`. */
export interface OpenMonitoringOptions {
  /** Environment variables, as in `OAuthMonitoring.environment`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Timeouts and retries for DynamoDB calls. */
  readonly timeoutProfile?: TimeoutProfile;
  /** Logger for warnings, and for events that couldn't be published. */
  readonly logger?: Logger;
}

/**
 * Connects to a deployed stack. Call it in a function that has the environment variables of
 * `OAuthMonitoring.environment` and the grants for the operations that you use. Region and credentials come from the
 * environment.
 *
 * @example
 * ```typescript
 * const monitoring = openMonitoring();
 * const { secret } = await issueToken(monitoring, { clientId, scopes, expiresInSeconds: 3600 });
 * ```
 * @throws InvalidConfigError naming each missing or invalid variable
 */
export function openMonitoring({
  environment = process.env,
  timeoutProfile = "interactive",
  logger = console,
}: OpenMonitoringOptions = {}): MonitoringContext {
  const variables = readEnvironment(environment, [
    "TOKENS_TABLE",
    "AUTHORIZATION_CODES_TABLE",
    "SESSIONS_TABLE",
    "CLIENTS_TABLE",
    "EVENTS_TABLE",
    "COUNTERS_TABLE",
    "ISSUANCES_TABLE",
    "CREDENTIALS_TABLE",
    "ACTIONS_TABLE",
    "DENY_LIST_TABLE",
    "EVENT_BUS_NAME",
    "OAUTH_MONITORING_CONFIG",
  ]);
  return {
    db: createDocumentClient(timeoutProfile),
    tokensTable: variables.TOKENS_TABLE,
    authorizationCodesTable: variables.AUTHORIZATION_CODES_TABLE,
    sessionsTable: variables.SESSIONS_TABLE,
    clientsTable: variables.CLIENTS_TABLE,
    eventsTable: variables.EVENTS_TABLE,
    countersTable: variables.COUNTERS_TABLE,
    issuancesTable: variables.ISSUANCES_TABLE,
    credentialsTable: variables.CREDENTIALS_TABLE,
    actionsTable: variables.ACTIONS_TABLE,
    denyListTable: variables.DENY_LIST_TABLE,
    config: variables.OAUTH_MONITORING_CONFIG,
    clock: systemClock,
    logger,
    sink: createEventPublisher({
      eventBridge: new EventBridgeClient(),
      eventBusName: variables.EVENT_BUS_NAME,
      logger,
    }),
  };
}

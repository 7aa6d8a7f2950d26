import type { Clock } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import type { Logger } from "../core/telemetry.ts";
import type { EventSink } from "../events/event-sink.ts";
import type { MonitoringConfig } from "./monitoring-config.ts";

/**
 * A connection to a deployed stack: its tables, event bus and configuration. `openMonitoring` returns it. The signature
 * of each function lists the properties that it uses, so tests can pass only these.
 */
export interface MonitoringContext {
  readonly db: DocumentClient;
  readonly tokensTable: string;
  readonly authorizationCodesTable: string;
  readonly sessionsTable: string;
  readonly clientsTable: string;
  readonly eventsTable: string;
  readonly countersTable: string;
  readonly issuancesTable: string;
  readonly credentialsTable: string;
  readonly actionsTable: string;
  readonly denyListTable: string;
  readonly config: MonitoringConfig;
  readonly clock: Clock;
  /** Logs warnings, and events that couldn't be published. */
  readonly logger: Logger;
  /** Publishes events to the stack's event bus. */
  readonly sink: EventSink;
}

import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { DocumentClient } from "../core/document-client.ts";

/** Where the statistics are kept. */
export interface StatisticsStore {
  readonly db: DocumentClient;
  readonly countersTable: string;
  readonly config: MonitoringConfig;
}

/** The statistics and the facts of issued tokens beneath them. */
export interface IssuanceStore extends StatisticsStore {
  readonly issuancesTable: string;
}

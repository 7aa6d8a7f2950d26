import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { DocumentClient } from "../core/document-client.ts";

/** Access to the counters. */
export interface StatisticsStore {
  readonly db: DocumentClient;
  readonly countersTable: string;
  readonly config: MonitoringConfig;
}

/** Access to the counters and to the issuance records of tokens. */
export interface IssuanceStore extends StatisticsStore {
  readonly issuancesTable: string;
}

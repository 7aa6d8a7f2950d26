/**
 * The tables' keys and indexes, said once: the infrastructure creates them, the readers and writers
 * name them. Attribute types: `S` string, `N` number.
 */
export interface TableDefinition {
  readonly partitionKey: string;
  readonly sortKey?: string;
  /** Attribute that DynamoDB TTL reads, in epoch seconds. */
  readonly ttlAttribute: string;
  readonly indexes: Readonly<Record<string, IndexDefinition>>;
}

/** A global secondary index; its keys are strings but where said. */
export interface IndexDefinition {
  readonly partitionKey: string;
  readonly sortKey?: string;
  readonly sortKeyType?: "S" | "N";
  /** `ALL`, `KEYS_ONLY`, or the attributes to carry beside the keys. */
  readonly projection: "ALL" | "KEYS_ONLY" | readonly string[];
}

const byExpiry = {
  partitionKey: "expiry_shard",
  sortKey: "expires_at",
  projection: "KEYS_ONLY",
} as const;

/** Access tokens by the SHA-256 digest of the secret. */
export const TOKENS = {
  partitionKey: "token_digest",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_expiry: byExpiry,
    by_token_id: { partitionKey: "token_id", projection: "KEYS_ONLY" },
  },
} as const satisfies TableDefinition;

/** Authorization codes by the SHA-256 digest of the code. */
export const AUTHORIZATION_CODES = {
  partitionKey: "code_digest",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: { by_expiry: byExpiry },
} as const satisfies TableDefinition;

/** Client sessions (`Mcp-Session-Id`) by the SHA-256 digest of the id. */
export const SESSIONS = {
  partitionKey: "session_digest",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: { by_expiry: byExpiry },
} as const satisfies TableDefinition;

/** OAuth clients. */
export const CLIENTS = {
  partitionKey: "oauth_client_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_status: {
      partitionKey: "status",
      sortKey: "oauth_client_id",
      projection: ["client_name", "created_at"],
    },
  },
} as const satisfies TableDefinition;

/** What an index of the events lists: all of an event, and of a pack all but its events. */
const LISTED_EVENT = [
  "id",
  "event_type",
  "occurred_at",
  "oauth_client_id",
  "user_id",
  "event_data",
  "created_at",
  "expires_at",
  "event_count",
] as const;

/**
 * Audit events by whom they are about, and packs of them; `shared/audit-log` describes both. Each
 * index lists the items that have its key, which ends in `#shard`.
 */
export const EVENTS = {
  partitionKey: "subject_shard",
  sortKey: "occurred_at_id",
  ttlAttribute: "expires_at",
  indexes: {
    by_time: {
      partitionKey: "retention_shard",
      sortKey: "occurred_at_id",
      projection: LISTED_EVENT,
    },
    by_type: { partitionKey: "type_shard", sortKey: "occurred_at_id", projection: LISTED_EVENT },
    by_client: {
      partitionKey: "client_shard",
      sortKey: "occurred_at_id",
      projection: LISTED_EVENT,
    },
    by_ip: { partitionKey: "ip_shard", sortKey: "occurred_at_id", projection: LISTED_EVENT },
  },
} as const satisfies TableDefinition;

/**
 * The events table as it was before packs, by the producer's id: read until its last event has expired,
 * where `previousEventsTable` names one.
 */
export const PREVIOUS_EVENTS = {
  partitionKey: "id",
  ttlAttribute: "expires_at",
  indexes: {
    by_time: { partitionKey: "retention_shard", sortKey: "occurred_at_id", projection: "ALL" },
    by_type: { partitionKey: "type_shard", sortKey: "occurred_at_id", projection: "ALL" },
    by_client: { partitionKey: "client_shard", sortKey: "occurred_at_id", projection: "ALL" },
    by_user: { partitionKey: "user_shard", sortKey: "occurred_at_id", projection: "ALL" },
    by_token: { partitionKey: "token_shard", sortKey: "occurred_at_id", projection: "ALL" },
    by_ip: { partitionKey: "ip_shard", sortKey: "occurred_at_id", projection: "ALL" },
  },
} as const satisfies TableDefinition;

/** Counters of events, tokens and failures by day and hour; those that are ranked, by their total. */
export const COUNTERS = {
  partitionKey: "pk",
  sortKey: "sk",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_total: {
      partitionKey: "ranking",
      sortKey: "total",
      sortKeyType: "N",
      projection: "ALL",
    },
  },
} as const satisfies TableDefinition;

/** One small fact per issued token, kept after the token is removed. */
export const ISSUANCES = {
  partitionKey: "token_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_issue_time: {
      partitionKey: "hour_shard",
      sortKey: "issued_at",
      projection: ["oauth_client_id", "expires_at", "revoked_at"],
    },
  },
} as const satisfies TableDefinition;

/** Records of cleanup runs, newest last. */
export const CLEANUP_RUNS = {
  partitionKey: "job",
  sortKey: "started_at",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** Alerts by rule and subject, those that are open findable by their state; and who is muted. */
export const ALERTS = {
  partitionKey: "alert_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_state: { partitionKey: "state", sortKey: "opened_at", projection: "ALL" },
  },
} as const satisfies TableDefinition;

/**
 * Actions against tokens, users, clients, sessions, addresses and networks: what waits for approval or has work
 * left, by its state; and all that concerns one target.
 */
export const ACTIONS = {
  partitionKey: "action_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_state: { partitionKey: "state", sortKey: "requested_at", projection: "ALL" },
    by_target: { partitionKey: "target_key", sortKey: "requested_at", projection: "ALL" },
    /** Sparse: the actions that have work left. */
    by_open_work: { partitionKey: "open_work", sortKey: "requested_at", projection: "KEYS_ONLY" },
  },
} as const satisfies TableDefinition;

/** Tokens and sessions by whoever holds them: a user, a client (`#shard`), or a session itself. */
export const HOLDINGS = {
  partitionKey: "holder",
  sortKey: "held",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** The log of blocks and revocations that every adapter knows, and the copies of its latest position. */
export const RESTRICTIONS = {
  partitionKey: "list",
  sortKey: "seq",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/**
 * The table of streams, which exists only where the transmitter is on: the list of streams under `streams`, and under
 * a stream's id its subjects (`subject#…`), the SETs that wait for it (`set#…`) and those that were made (`made#…`).
 */
export const SIGNALS = {
  partitionKey: "stream_id",
  sortKey: "item",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** Every table by the environment variable that carries its name. */
export const TABLES = {
  TOKENS_TABLE: TOKENS,
  AUTHORIZATION_CODES_TABLE: AUTHORIZATION_CODES,
  SESSIONS_TABLE: SESSIONS,
  CLIENTS_TABLE: CLIENTS,
  EVENTS_TABLE: EVENTS,
  COUNTERS_TABLE: COUNTERS,
  ISSUANCES_TABLE: ISSUANCES,
  CLEANUP_RUNS_TABLE: CLEANUP_RUNS,
  ALERTS_TABLE: ALERTS,
  HOLDINGS_TABLE: HOLDINGS,
  ACTIONS_TABLE: ACTIONS,
  RESTRICTIONS_TABLE: RESTRICTIONS,
} as const satisfies Record<string, TableDefinition>;

/**
 * A table's keys and indexes. The infrastructure creates the table from this definition; readers and writers refer to
 * it. Attribute types: `S` string, `N` number.
 */
export interface TableDefinition {
  readonly partitionKey: string;
  readonly sortKey?: string;
  /** TTL attribute, in epoch seconds. */
  readonly ttlAttribute: string;
  readonly indexes: Readonly<Record<string, IndexDefinition>>;
}

/** A global secondary index. Keys are strings unless `sortKeyType` says otherwise. */
export interface IndexDefinition {
  readonly partitionKey: string;
  readonly sortKey?: string;
  readonly sortKeyType?: "S" | "N";
  /** `ALL`, `KEYS_ONLY`, or the attributes to project in addition to the keys. */
  readonly projection: "ALL" | "KEYS_ONLY" | readonly string[];
}

const byExpiry = {
  partitionKey: "expiry_shard",
  sortKey: "expires_at",
  projection: "KEYS_ONLY",
} as const;

/** Access tokens, by the SHA-256 digest of the token. */
export const TOKENS = {
  partitionKey: "token_digest",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_expiry: byExpiry,
    by_token_id: { partitionKey: "token_id", projection: "KEYS_ONLY" },
  },
} as const satisfies TableDefinition;

/** Authorization codes, by the SHA-256 digest of the code. */
export const AUTHORIZATION_CODES = {
  partitionKey: "code_digest",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: { by_expiry: byExpiry },
} as const satisfies TableDefinition;

/** Client sessions (`Mcp-Session-Id`), by the SHA-256 digest of the id. */
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

/** Attributes that the event indexes project: a whole event, or a batch item without the compressed events. */
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
 * Audit events by subject, and batch items. See `shared/audit-log` for both. An index contains only items that have the
 * index key, which ends in `#shard`.
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

/** Counters for events, tokens and failures by day and hour. Ranked counters are also indexed by total count. */
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

/** One record per issued token, which outlives the token. */
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

/** Cleanup run records, in chronological order. */
export const CLEANUP_RUNS = {
  partitionKey: "job",
  sortKey: "started_at",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** Alerts by rule and subject, and muted clients. Open alerts are also indexed by state. */
export const ALERTS = {
  partitionKey: "alert_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_state: { partitionKey: "state", sortKey: "opened_at", projection: "ALL" },
  },
} as const satisfies TableDefinition;

/**
 * Actions against tokens, users, clients, sessions, addresses and networks. Indexed by target, and by state to find
 * pending approvals and unfinished work.
 */
export const ACTIONS = {
  partitionKey: "action_id",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {
    by_state: { partitionKey: "state", sortKey: "requested_at", projection: "ALL" },
    by_target: { partitionKey: "target_key", sortKey: "requested_at", projection: "ALL" },
    /** Sparse index that contains only actions with unfinished work. */
    by_open_work: { partitionKey: "open_work", sortKey: "requested_at", projection: "KEYS_ONLY" },
  },
} as const satisfies TableDefinition;

/** Credentials (tokens and sessions) by principal: a user, a client (`#shard`) or a session. */
export const CREDENTIALS = {
  partitionKey: "principal",
  sortKey: "credential_key",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** The deny list: a log of blocks and revocations that every adapter reads, and copies of the latest log position. */
export const DENY_LIST = {
  partitionKey: "list",
  sortKey: "seq",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/**
 * Shared Signals transmitter streams. Created only if the transmitter is on. Partition `streams` lists the streams.
 * Each stream's partition holds its subjects (`subject#…`), pending SETs (`set#…`) and created SETs (`made#…`).
 */
export const SIGNALS = {
  partitionKey: "stream_id",
  sortKey: "item",
  ttlAttribute: "ttl_epoch_seconds",
  indexes: {},
} as const satisfies TableDefinition;

/** Every table, by the environment variable that contains its name. */
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
  CREDENTIALS_TABLE: CREDENTIALS,
  ACTIONS_TABLE: ACTIONS,
  DENY_LIST_TABLE: DENY_LIST,
} as const satisfies Record<string, TableDefinition>;

/** Environment variable that contains a table's name: `CLEANUP_RUNS_TABLE`. */
export type TableVariable = keyof typeof TABLES;

type Words<Variable> = Variable extends `${infer Words}_TABLE` ? Words : never;
type Camel<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${Lowercase<First>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name>;

/** A table's name in a stack description: `cleanup_runs`. */
export type TableLabel = Lowercase<Words<TableVariable>>;

/** A table's name in code: `cleanupRuns`. */
export type TableProperty = Camel<Words<TableVariable>>;

export const TABLE_VARIABLES = Object.keys(TABLES) as TableVariable[];

/** `CLEANUP_RUNS_TABLE` → `cleanup_runs` */
export function tableLabel(variable: TableVariable): TableLabel {
  return variable.replace(/_TABLE$/, "").toLowerCase() as TableLabel;
}

/** `CLEANUP_RUNS_TABLE` → `cleanupRuns` */
export function tableProperty(variable: TableVariable): TableProperty {
  const camel = tableLabel(variable).replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return camel as TableProperty;
}

/** A context property that contains a table's name: `cleanupRunsTable`. */
export type TableContextKey<Variable extends TableVariable = TableVariable> =
  `${Camel<Words<Variable>>}Table`;

/** `CLEANUP_RUNS_TABLE` → `cleanupRunsTable` */
export function tableContextKey(variable: TableVariable): TableContextKey {
  return `${tableProperty(variable)}Table`;
}

/** `CLEANUP_RUNS_TABLE` → `CleanupRuns`: the construct id; the stack output is `…CleanupRunsTable` */
export function tableConstructId(variable: TableVariable): Capitalize<TableProperty> {
  const property = tableProperty(variable);
  return `${property.charAt(0).toUpperCase()}${property.slice(1)}` as Capitalize<TableProperty>;
}

/** Returns an object with one member per table. */
export function forEachTable<Key extends string, Value>(
  keyFor: (variable: TableVariable) => Key,
  valueFor: (variable: TableVariable) => Value,
): Readonly<Record<Key, Value>> {
  const members = TABLE_VARIABLES.map((variable) => [keyFor(variable), valueFor(variable)]);
  return Object.fromEntries(members);
}

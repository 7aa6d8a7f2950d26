import * as z from "zod";
import { SECURITY_EVENT_TYPES } from "../envelope/event-types.ts";
import { eventTypeSchema, scopeListSchema } from "../envelope/identifiers.ts";
import { InvalidInputError } from "../errors/faults.ts";
import { anomaliesSchema } from "./anomaly-parameters.ts";
import { apiSchema } from "./api-parameters.ts";
import { ocsfExportSchema } from "./ocsf-export-parameters.ts";

/** Security events are kept at least this long, whatever the configuration says (audit practice). */
export const MINIMUM_SECURITY_RETENTION_DAYS = 90;

const days = z.int().min(1).max(3650);

const retentionSchema = z
  .strictObject({
    /** Days an event is kept when its type has no entry below. */
    defaultDays: days.default(90),
    /** Days by event type, for example `{ "token_used": 30 }`. */
    daysByEventType: z.record(eventTypeSchema, days).default({}),
    /** Days the statistics (counters and issuance facts) are kept. */
    statisticsDays: days.default(400),
    /** Days a cleanup's run record is kept. */
    cleanupRunDays: days.default(90),
    /** Days after expiry at which DynamoDB TTL sweeps a token, code or session that no cleanup removed. */
    ttlBackstopDays: days.default(7),
  })
  .superRefine((retention, context) => {
    for (const type of SECURITY_EVENT_TYPES) {
      const configured = retention.daysByEventType[type];
      if (configured !== undefined && configured < MINIMUM_SECURITY_RETENTION_DAYS) {
        context.addIssue({
          code: "custom",
          path: ["daysByEventType", type],
          message: `${type} is a security event type and must be kept at least ${MINIMUM_SECURITY_RETENTION_DAYS} days, not ${configured}: raise it or remove the entry`,
        });
      }
    }
  });

const shardCount = z.int().min(1).max(128);

/** Writers spread over `write` shards; readers merge `read`, which may never be the smaller. */
const shardsSchema = z
  .strictObject({
    write: shardCount.default(4),
    /** Shards that readers merge; set it to the older count while shrinking. Defaults to `write`. */
    read: shardCount.optional(),
  })
  .superRefine((shards, context) => {
    if (shards.read !== undefined && shards.read < shards.write) {
      context.addIssue({
        code: "custom",
        path: ["read"],
        message: `readers must merge every shard that writers use: raise read (${shards.read}) to at least write (${shards.write})`,
      });
    }
  })
  .transform((shards) => ({ write: shards.write, read: shards.read ?? shards.write }));

const pathPattern = z
  .string()
  .max(512)
  .regex(
    /^(\/[A-Za-z0-9._~-]+|\/\{[A-Za-z0-9_]+\})*(\/\{[A-Za-z0-9_]+\+\})?\/?$/,
    "a path such as /orders/{id} or /reports/{proxy+}, as API Gateway writes them",
  );

/** Said four times in a denial, of which API Gateway takes 8 KB. */
const requiredScopes = scopeListSchema(20, 1024, "require fewer or shorter ones");

/**
 * The bus's archive, from which events are replayed. On by default: at list prices it costs a fortieth
 * of the events table (calls of KMS, which encrypts it under the stack's key, come on top), and it is the
 * only way back for events that never came as far as the tables.
 */
const archiveSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Days an event can be replayed. */
    retentionDays: z.int().min(1).max(3650).default(30),
  })
  .prefault({});

/** One rule of the authorizer: the first rule whose method and path match decides. */
export const routeRuleSchema = z.strictObject({
  /** HTTP method, or `ANY`. */
  method: z
    .enum(["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    .default("ANY"),
  /** API Gateway path: `{name}` stands for one segment, a last `{name+}` for the rest. */
  path: pathPattern,
  /** Scopes the token must hold, all of them. */
  scopes: requiredScopes,
  /** `required`: the call must carry a live `Mcp-Session-Id` of the token's own client and user. */
  session: z.enum(["required", "ignored"]).default("ignored"),
});

/**
 * Everything a platform team may change, in one place. Parsed at synth, where a mistake is refused
 * with its path and reason, and handed to the functions as JSON in `OAUTH_MONITORING_CONFIG`.
 */
export const monitoringConfigSchema = z.strictObject({
  /** The `realm` of `WWW-Authenticate` (RFC 6750, section 3). */
  realm: z
    .string()
    .regex(/^[A-Za-z0-9 ._-]{1,64}$/, "1 to 64 letters, digits, spaces, dots, dashes")
    .default("oauth-monitoring"),
  /** API Gateway stage of the sample API. */
  stageName: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,128}$/, "1 to 128 letters, digits or _")
    .default("prod"),
  /** How much the product's own API takes, and of whom. */
  api: apiSchema,
  /** What becomes of tables and key when the stack is deleted. */
  removalPolicy: z.enum(["retain", "destroy"]).default("retain"),
  retention: retentionSchema.prefault({}),
  shards: z
    .strictObject({
      /** Time-ordered indexes of the events table. */
      events: shardsSchema.prefault({}),
      /** Counters of the statistics. */
      counters: shardsSchema.prefault({}),
      /** Time-ordered index of the issuance facts. */
      issuances: shardsSchema.prefault({}),
      /** Expiry indexes that the cleanup walks. */
      expiry: shardsSchema.prefault({}),
    })
    .prefault({}),
  /** Rules of the authorizer, most specific first; paths that match none need the default scopes. */
  routes: z.array(routeRuleSchema).max(100).default([]),
  /** Scopes of a path that no rule matches. */
  defaultScopes: z
    .strictObject({
      /** For GET and HEAD. */
      read: requiredScopes.default(["api:read"]),
      /** For every other method. */
      write: requiredScopes.default(["api:write"]),
    })
    .prefault({}),
  tracking: z
    .strictObject({
      /** 0 writes `last_used_at` at each use; N refreshes it at most once in N seconds, read-only between. */
      lastUsedIntervalSeconds: z.int().min(0).max(86_400).default(0),
      /** Publish `scope_validation_success` beside `token_used`; `false` halves the events of a call. */
      scopeValidationSuccess: z.boolean().default(true),
    })
    .prefault({}),
  subscriber: z
    .strictObject({
      /** Messages in one invocation, and how long SQS may wait to gather them. */
      batchSize: z.int().min(1).max(1000).default(500),
      batchWindowSeconds: z.int().min(0).max(300).default(1),
      /** Concurrent invocations that SQS may start. */
      maxConcurrency: z.int().min(2).max(1000).default(10),
      /**
       * Deliveries before a message goes to the dead-letter queue. What cannot be stored goes there at
       * once; this bounds only how long a busy store is waited for, six minutes a delivery.
       */
      maxReceiveCount: z.int().min(1).max(1000).default(100),
    })
    .refine((subscriber) => subscriber.batchSize <= 10 || subscriber.batchWindowSeconds > 0, {
      path: ["batchWindowSeconds"],
      error:
        "SQS gathers more than 10 messages only within a window: raise it to at least 1, or lower batchSize to 10",
    })
    .prefault({}),
  cleanup: z
    .strictObject({
      /** Minutes between two runs. */
      everyMinutes: z.int().min(5).max(1440).default(60),
      /** Deletes under way at once. */
      concurrency: z.int().min(1).max(200).default(25),
    })
    .prefault({}),
  /** Identity providers whose events are stored too, by where they arrive. */
  providers: z
    .strictObject({
      /** Names of Auth0's and Okta's partner event buses. */
      partnerEventBuses: z
        .array(
          z
            .string()
            .regex(
              /^aws\.partner\/(auth0|okta)\.com\/[A-Za-z0-9._/-]{1,200}$/,
              "a partner event bus of auth0.com or okta.com, such as aws.partner/auth0.com/tenant-1a2b/auth0.logs",
            ),
        )
        .max(20)
        .default([]),
      /** Cognito's calls, which CloudTrail puts onto the account's default bus. */
      cognito: z.boolean().default(false),
    })
    .prefault({}),
  /** Keeps the bus's events for a replay. */
  archive: archiveSchema,
  /** What the detection looks for, and how it tells. */
  anomalies: anomaliesSchema,
  /** Exports every event to S3 as OCSF; nothing of it is deployed without. */
  ocsfExport: ocsfExportSchema,
  alarms: z
    .strictObject({
      /** Messages in a dead-letter queue. */
      deadLetters: z.int().min(1).default(1),
      /** Age of the oldest event that waits for the subscriber. */
      bufferAgeSeconds: z.int().min(60).default(300),
      /** Server-side failures of the API (the authorizer's 503 among them) in five minutes. */
      apiServerErrors: z.int().min(1).default(5),
      /** Calls that the authorizer refused because it could not decide, in five minutes. */
      authorizerUnavailable: z.int().min(1).default(5),
      /** 99th percentile of the time to a decision, three times five minutes in a row. */
      authorizerP99Milliseconds: z.int().min(1).default(500),
      /** Failed, and throttled, invocations of a function in five minutes. */
      functionErrors: z.int().min(1).default(1),
      functionThrottles: z.int().min(1).default(1),
      /** Throttled reads, and writes, of the tables in five minutes. */
      tableThrottles: z.int().min(1).default(10),
      /** Stored events of type `suspicious_activity` in five minutes. */
      suspiciousActivity: z.int().min(1).default(1),
    })
    .prefault({}),
});

/** What a platform team writes; every key has a default. */
export type MonitoringConfigInput = z.input<typeof monitoringConfigSchema>;

/** The configuration with every default filled in. */
export type MonitoringConfig = z.output<typeof monitoringConfigSchema>;

/** Writers' and readers' shard counts of one index. */
export type Shards = MonitoringConfig["shards"]["events"];

/** One rule of the authorizer. */
export type RouteRule = MonitoringConfig["routes"][number];

/** The configuration is refused; the message lists every mistake with its path. */
export class InvalidConfigError extends InvalidInputError {
  override readonly name = "InvalidConfigError";
}

/**
 * Parses a platform team's configuration.
 *
 * @throws InvalidConfigError naming each wrong key, what is wrong and how to mend it.
 */
export function parseMonitoringConfig(input: unknown): MonitoringConfig {
  const parsed = monitoringConfigSchema.safeParse(input);
  if (!parsed.success)
    throw new InvalidConfigError("the oauth-monitoring configuration", parsed.error);
  return parsed.data;
}

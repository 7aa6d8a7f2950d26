import * as z from "zod";
import { InvalidInputError } from "../core/faults.ts";
import { SECURITY_EVENT_TYPES } from "../events/event-types.ts";
import { eventTypeSchema, scopeListSchema } from "../events/identifiers.ts";
import { alarmsSchema } from "./alarm-parameters.ts";
import { anomaliesSchema } from "./anomaly-parameters.ts";
import { apiSchema } from "./api-parameters.ts";
import { capacitySchema } from "./capacity-parameters.ts";
import { checkCustomRules } from "./custom-rule-checks.ts";
import { functionsSchema } from "./function-parameters.ts";
import { dpopSchema, issuersSchema } from "./issuer-parameters.ts";
import { notificationsSchema } from "./notification-parameters.ts";
import { ocsfExportSchema } from "./ocsf-export-parameters.ts";
import { checkOrigins } from "./origin-checks.ts";
import { originsSchema } from "./origin-parameters.ts";
import { providersSchema } from "./provider-parameters.ts";
import { responsesSchema } from "./response-parameters.ts";
import { signalsSchema } from "./signal-parameters.ts";

/** Security events are kept at least this long, whatever the configuration says (audit practice). */
export const MINIMUM_SECURITY_RETENTION_DAYS = 90;

const days = z.int().min(1).max(3650);

const retentionSchema = z
  .strictObject({
    /** Days an event is kept when its type has no entry in `daysByEventType`. */
    defaultDays: days.default(90),
    /** Days by event type, such as `{ "token_used": 30 }`. Security events: at least 90. */
    daysByEventType: z.record(eventTypeSchema, days).default({}),
    /** Days that statistics reach back. */
    statisticsDays: days.default(400),
    /** Days the record of a cleanup run is kept. */
    cleanupRunDays: days.default(90),
    /** Days after expiry when DynamoDB TTL removes what no cleanup removed. */
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

/** Writers spread over `write` shards; readers merge `read` shards, which may not be fewer. */
const shardsSchema = z
  .strictObject({
    /** Partitions that writers spread over. Each takes about 1,000 writes a second. */
    write: shardCount.default(4),
    /** Partitions that readers merge: at least `write`. The same as `write` by default. */
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

/** Without proxies, the address is the one that called API Gateway, the function URL or the load balancer. */
const clientAddressSchema = z
  .strictObject({
    /** Proxies in front of your APIs, each of which adds an address to `X-Forwarded-For`: 1 for CloudFront. */
    trustedProxies: z.int().min(0).max(10).default(0),
    /**
     * The header that proves that a call came through the proxies. Set it where callers can also reach the API
     * directly: they could send any `X-Forwarded-For`.
     */
    secretHeader: z
      .strictObject({
        /** Name of the header, which your CDN adds to each request to the origin. */
        name: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "1 to 64 letters, digits or -"),
        /** SHA-256 of the header's value in hex. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
      })
      .optional(),
  })
  .prefault({});

/**
 * The bus's archive, from which events are replayed. It is on by default: it costs about a dollar for ten
 * million events, plus KMS calls, and it is the only way to recover events that never reached the tables.
 */
const archiveSchema = z
  .strictObject({
    /** Keeps the events of the bus. */
    enabled: z.boolean().default(true),
    /** Days an event can be replayed. */
    retentionDays: z.int().min(1).max(3650).default(30),
  })
  .prefault({});

/** One route. The first route whose method and path match decides. */
export const routeRuleSchema = z.strictObject({
  /** The HTTP method, or `ANY`. */
  method: z
    .enum(["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    .default("ANY"),
  /** The path as API Gateway writes it: `{name}` is one segment, a final `{name+}` the rest. */
  path: pathPattern,
  /** Scopes that the token must have, all of them. */
  scopes: requiredScopes,
  /** `required`: the call must send a live `Mcp-Session-Id` of the token's client and user. */
  session: z.enum(["required", "ignored"]).default("ignored"),
  /** Ways of authentication of which the token's `acr` must be one (RFC 9470). */
  acrValues: z
    .array(
      z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "an acr without spaces and quotes"),
    )
    .min(1)
    .max(10)
    .optional(),
  /** Seconds since the user signed in (`auth_time`), at most (RFC 9470). */
  maxAgeSeconds: z.int().min(0).max(31_536_000).optional(),
});

const segmentsOf = (pattern: string) => pattern.split("/").filter(Boolean);

/** Whether every path that `later` covers is covered by `earlier`. */
function coversPattern(earlier: string, later: string): boolean {
  const wanted = segmentsOf(earlier);
  const given = segmentsOf(later);
  const isGreedy = (segment: string | undefined) => segment?.endsWith("+}") ?? false;
  if (!isGreedy(wanted.at(-1)) && wanted.length !== given.length) return false;
  return wanted.every((segment, index) => {
    const other = given[index];
    if (other === undefined) return false;
    if (isGreedy(segment)) return true;
    return segment.startsWith("{") ? !isGreedy(other) : segment === other;
  });
}

/** Reports each rule that no call can reach because an earlier rule decides every call that it matches. */
function checkRouteOrder(
  routes: readonly z.output<typeof routeRuleSchema>[],
  context: z.RefinementCtx,
): void {
  for (const [index, rule] of routes.entries()) {
    const earlier = routes.findIndex(
      (each) =>
        (each.method === "ANY" || each.method === rule.method) &&
        coversPattern(each.path, rule.path),
    );
    if (earlier === index) continue;
    context.addIssue({
      code: "custom",
      path: ["routes", index, "path"],
      message: `the first matching rule decides, and routes[${earlier}] (${routes[earlier]?.path}) matches every call of this rule: put this rule before it, or remove one of them`,
    });
  }
}

/**
 * Everything a platform team may change, in one place. It is parsed at synth, where each mistake is
 * refused with its path and reason, and passed to the functions as JSON in `OAUTH_MONITORING_CONFIG`.
 * The doc comments become docs/configuration.md: run `npm run docs` after a change.
 */
const keysSchema = z.strictObject({
  /** The `realm` in `WWW-Authenticate` (RFC 6750, section 3). */
  realm: z
    .string()
    .regex(/^[A-Za-z0-9 ._-]{1,64}$/, "1 to 64 letters, digits, spaces, dots, dashes")
    .default("oauth-monitoring"),
  /** Stage name of the admin API. */
  stageName: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,128}$/, "1 to 128 letters, digits or _")
    .default("prod"),
  /** Throttling and web ACL of the admin API. */
  api: apiSchema,
  /** `retain` keeps tables, queues, logs and key when the stack is deleted, and protects the tables. */
  removalPolicy: z.enum(["retain", "destroy"]).default("retain"),
  /** How long data is kept, in days. */
  retention: retentionSchema.prefault({}),
  /** How the tables are paid for. `npx oauth-monitoring cost` compares. */
  capacity: capacitySchema,
  /** Partitions of indexes and counters that take many writes. */
  shards: z
    .strictObject({
      /** Indexes of the events table. */
      events: shardsSchema.prefault({}),
      /** Counters of the statistics in quiet times. Writers that meet each other spread over up to 128. */
      counters: shardsSchema.prefault({}),
      /** Index of the facts of issued tokens. */
      issuances: shardsSchema.prefault({}),
      /** Expiry indexes that the cleanup reads. */
      expiry: shardsSchema.prefault({}),
    })
    .prefault({}),
  /**
   * Scopes by route, most specific path first. The path is that of the route that serves the call: without stage and
   * without the base path of a custom domain. A rule for GET also applies to HEAD. Other paths need the default scopes.
   */
  routes: z.array(routeRuleSchema).max(100).default([]),
  /**
   * What request paths may contain although servers read it in different ways. By default such calls are rejected.
   * Where you allow it, a call needs the scopes of every reading.
   */
  allowInPaths: z.array(z.enum(["encoded_slashes", "empty_segments"])).default([]),
  /** Scopes of a path that no route matches. */
  defaultScopes: z
    .strictObject({
      /** For GET and HEAD. */
      read: requiredScopes.default(["api:read"]),
      /** For every other method. */
      write: requiredScopes.default(["api:write"]),
    })
    .prefault({}),
  /** How the address of a caller is found behind a CDN or another proxy in front of an API. */
  clientAddress: clientAddressSchema,
  /** Issuers whose access tokens are let in: docs/issuers.md. Tokens that the product issues itself always are. */
  issuers: issuersSchema,
  /** Proofs of possession of tokens that are bound to a key (RFC 9449). */
  dpop: dpopSchema,
  /** What the authorizer records about each call. */
  tracking: z
    .strictObject({
      /** 0 writes `last_used_at` at each use; N at most once in N seconds, and when the address changes. */
      lastUsedIntervalSeconds: z.int().min(0).max(86_400).default(0),
      /**
       * Whether `token_used` says which scopes were needed and held. `scope_validation_success` is found and
       * counted by it.
       */
      scopeValidationSuccess: z.boolean().default(true),
      /**
       * Which events the audit log finds by their address. `security_events` leaves out the calls that were let in,
       * and saves a write of each: a fifth of the price of an event.
       */
      addressIndex: z.enum(["all_events", "security_events"]).default("all_events"),
    })
    .prefault({}),
  /** Concurrency and network of the functions. */
  functions: functionsSchema,
  /** How SQS delivers events to the subscriber. */
  subscriber: z
    .strictObject({
      /** Messages in one invocation. */
      batchSize: z.int().min(1).max(1000).default(500),
      /** Seconds that SQS gathers messages for one invocation. */
      batchWindowSeconds: z.int().min(0).max(300).default(1),
      /** Invocations at the same time. */
      maxConcurrency: z.int().min(2).max(1000).default(10),
      /**
       * Deliveries before a message goes to the dead-letter queue: seconds apart at first, then five minutes.
       * It limits how long a message waits for a busy store; a message that cannot be stored goes there at once.
       */
      maxReceiveCount: z.int().min(1).max(1000).default(100),
    })
    .refine((subscriber) => subscriber.batchSize <= 10 || subscriber.batchWindowSeconds > 0, {
      path: ["batchWindowSeconds"],
      error:
        "SQS gathers more than 10 messages only within a window: raise it to at least 1, or lower batchSize to 10",
    })
    .prefault({}),
  /** Removes expired tokens, codes, sessions and events. */
  cleanup: z
    .strictObject({
      /** Minutes between two runs. */
      everyMinutes: z.int().min(5).max(1440).default(60),
      /**
       * Hours that DynamoDB TTL has to delete an expired event before a scheduled cleanup does. TTL is free and
       * takes up to two days; a delete costs as much as storing the event. Readers never show expired events.
       */
      eventsOverdueHours: z.int().min(0).max(720).default(48),
      /** Deletes in flight at the same time. */
      concurrency: z.int().min(1).max(200).default(25),
    })
    .prefault({}),
  /** Identity providers whose events are stored as well. */
  providers: providersSchema,
  /** Where addresses are, and who runs their networks: docs/origins.md. */
  origins: originsSchema,
  /** Webhooks that receive alerts and actions, in addition to the alarm topic. */
  notifications: notificationsSchema,
  /** Security events from other systems and to them. Nothing of it is deployed unless it is there. */
  signals: signalsSchema,
  /** The archive of the bus, for a replay. */
  archive: archiveSchema,
  /** The detection of anomalies. */
  anomalies: anomaliesSchema,
  /** What is done about alerts, by rule. */
  responses: responsesSchema,
  /** Export of every event to S3 as OCSF. Nothing of it is deployed unless it is enabled. */
  ocsfExport: ocsfExportSchema,
  /**
   * The events table of a deployment from before packs (the output `EventsTable` of that time). Its events
   * are read and none is stored again; remove the key once the last of them has expired.
   */
  previousEventsTable: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{3,255}$/, "the name of a DynamoDB table")
    .optional(),
  /** Thresholds of the CloudWatch alarms. Counts are per five minutes. */
  alarms: alarmsSchema,
});

/** The configuration: its keys, and what one key asks of another. */
export const monitoringConfigSchema = keysSchema
  .refine(
    ({ functions, subscriber }) =>
      (functions.reservedConcurrency.Subscriber ?? subscriber.maxConcurrency) >=
      subscriber.maxConcurrency,
    {
      path: ["functions", "reservedConcurrency", "Subscriber"],
      error:
        "SQS would start more invocations than are reserved, and their messages would wait: reserve at least subscriber.maxConcurrency",
    },
  )
  .superRefine(({ responses, anomalies, notifications }, context) => {
    for (const name of responses.approvalLinks?.sentTo ?? []) {
      if (name === "topic" || notifications.webhooks.some((each) => each.name === name)) continue;
      context.addIssue({
        code: "custom",
        path: ["responses", "approvalLinks", "sentTo"],
        message: `there is no webhook ${name}: name topic or one of notifications.webhooks`,
      });
    }
    for (const rule of Object.keys(responses.rules)) {
      if (Object.hasOwn(anomalies.rules, rule)) continue;
      context.addIssue({
        code: "custom",
        path: ["responses", "rules", rule],
        message: `there is no such rule: name one of ${Object.keys(anomalies.rules).join(", ")}`,
      });
    }
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
 * @throws InvalidConfigError naming each wrong key, what is wrong and how to fix it.
 */
export function parseMonitoringConfig(input: unknown): MonitoringConfig {
  const parsed = monitoringConfigSchema
    .superRefine(({ anomalies, origins, routes }, context) => {
      checkRouteOrder(routes, context);
      checkCustomRules(anomalies, (path, message) =>
        context.addIssue({
          code: "custom",
          path: ["anomalies", "custom", ...path],
          message,
        }),
      );
      checkOrigins(origins, (path, message) =>
        context.addIssue({ code: "custom", path: ["origins", ...path], message }),
      );
    })
    .safeParse(input);
  if (!parsed.success)
    throw new InvalidConfigError("the oauth-monitoring configuration", parsed.error);
  return parsed.data;
}

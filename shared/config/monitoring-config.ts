import * as z from "zod";
import { InvalidInputError } from "../core/errors.ts";
import { eventTypeSchema, scopeListSchema } from "../events/identifiers.ts";
import { SECURITY_EVENT_TYPES } from "../events/oauth-event.ts";
import { alarmsSchema } from "./alarm-parameters.ts";
import { anomaliesSchema } from "./anomaly-parameters.ts";
import { apiSchema } from "./api-parameters.ts";
import { capacitySchema } from "./capacity-parameters.ts";
import { checkCustomRules } from "./custom-rule-checks.ts";
import { enrichmentSchema } from "./enrichment-parameters.ts";
import { functionsSchema } from "./function-parameters.ts";
import { dpopSchema, issuersSchema } from "./issuer-parameters.ts";
import { checkAllowedNetworks, checkEnrichment } from "./network-checks.ts";
import { notificationsSchema } from "./notification-parameters.ts";
import { ocsfExportSchema } from "./ocsf-export-parameters.ts";
import { providersSchema } from "./provider-parameters.ts";
import { responsesSchema } from "./response-parameters.ts";
import { signalsSchema } from "./signal-parameters.ts";

/** Minimum retention of security events in days (audit practice). The configuration cannot lower it. */
export const MINIMUM_SECURITY_RETENTION_DAYS = 90;

const days = z.int().min(1).max(3650);

const retentionSchema = z
  .strictObject({
    /** Default retention of events. */
    defaultDays: days.default(90),
    /** Retention by event type, such as `{ "token_used": 30 }`. Security events: at least 90. */
    daysByEventType: z.record(eventTypeSchema, days).default({}),
    /** Retention of statistics. */
    statisticsDays: days.default(400),
    /** Retention of cleanup run records. */
    cleanupRunDays: days.default(90),
    /** Days after expiry until DynamoDB TTL deletes leftovers. */
    ttlBackstopDays: days.default(7),
  })
  .superRefine((retention, context) => {
    for (const type of SECURITY_EVENT_TYPES) {
      const configured = retention.daysByEventType[type];
      if (configured !== undefined && configured < MINIMUM_SECURITY_RETENTION_DAYS) {
        context.addIssue({
          code: "custom",
          path: ["daysByEventType", type],
          message: `${type} is a security event type and must be kept at least ${MINIMUM_SECURITY_RETENTION_DAYS} days, not ${configured}. Raise it or remove the entry`,
        });
      }
    }
  });

const shardCount = z.int().min(1).max(128);

/** Shard counts of one index. Writers use `write` shards; readers merge `read` shards, which must not be fewer. */
const shardsSchema = z
  .strictObject({
    /** Shards for writes, about 1,000 per second each. */
    write: shardCount.default(4),
    /** Shards that readers merge. Defaults to `write`. */
    read: shardCount.optional(),
  })
  .superRefine((shards, context) => {
    if (shards.read !== undefined && shards.read < shards.write) {
      context.addIssue({
        code: "custom",
        path: ["read"],
        message: `readers must merge every shard that writers use. Raise read (${shards.read}) to at least write (${shards.write})`,
      });
    }
  })
  .transform((shards) => ({ write: shards.write, read: shards.read ?? shards.write }));

const pathPattern = z
  .string()
  .max(512)
  .regex(
    /^(\/[A-Za-z0-9._~-]+|\/\{[A-Za-z0-9_]+\})*(\/\{[A-Za-z0-9_]+\+\})?\/?$/,
    "a path such as /orders/{id} or /reports/{proxy+}, in the syntax of API Gateway",
  );

/** Scopes that a route requires. A denial contains them four times, and API Gateway allows 8 KB. */
const requiredScopes = scopeListSchema(20, 1024, "Require fewer or shorter scopes");

/**
 * How to find the caller's address. Without proxies, it is the address that called API Gateway, the function
 * URL or the load balancer.
 */
const clientAddressSchema = z
  .strictObject({
    /** Proxies that append to `X-Forwarded-For`: 1 for CloudFront. */
    trustedProxies: z.int().min(0).max(10).default(0),
    /** Header that proves a call passed your proxies. Set it if callers can bypass them. */
    secretHeader: z
      .strictObject({
        /** Header that your CDN adds. */
        name: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "1 to 64 letters, digits or -"),
        /** SHA-256 of its value, in hex. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
      })
      .optional(),
  })
  .prefault({});

/**
 * Archive of the event bus for replays. On by default: it costs about a dollar per ten million events plus
 * KMS calls, and nothing else recovers events that never reached the tables.
 */
const archiveSchema = z
  .strictObject({
    /** Enables the archive. */
    enabled: z.boolean().default(true),
    /** Days an event can be replayed. */
    retentionDays: z.int().min(1).max(3650).default(30),
  })
  .prefault({});

/** Access rule of a route. The first rule whose method and path match applies. */
export const routeRuleSchema = z.strictObject({
  /** HTTP method. */
  method: z
    .enum(["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    .default("ANY"),
  /** Path as in API Gateway: `{name}` matches one segment, `{name+}` the rest. */
  path: pathPattern,
  /** Scopes that the token needs, all of them. */
  scopes: requiredScopes,
  /** `required` demands an active `Mcp-Session-Id` of the same client and user. */
  session: z.enum(["required", "ignored"]).default("ignored"),
  /** Accepted `acr` values (RFC 9470). */
  acrValues: z
    .array(
      z
        .string()
        .regex(
          /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/,
          "an acr value without spaces, quotes and backslashes",
        ),
    )
    .min(1)
    .max(10)
    .optional(),
  /** Maximum seconds since `auth_time` (RFC 9470). */
  maxAgeSeconds: z.int().min(0).max(31_536_000).optional(),
});

const splitSegments = (pattern: string) => pattern.split("/").filter(Boolean);

/** Whether `earlier` matches every path that `later` matches. */
function coversPattern(earlier: string, later: string): boolean {
  const earlierSegments = splitSegments(earlier);
  const laterSegments = splitSegments(later);
  const isGreedy = (segment: string | undefined) => segment?.endsWith("+}") ?? false;
  if (!isGreedy(earlierSegments.at(-1)) && earlierSegments.length !== laterSegments.length)
    return false;
  return earlierSegments.every((segment, index) => {
    const other = laterSegments[index];
    if (other === undefined) return false;
    if (isGreedy(segment)) return true;
    return segment.startsWith("{") ? !isGreedy(other) : segment === other;
  });
}

/** Reports rules that can never apply because an earlier rule matches all of their calls. */
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
      message: `routes[${earlier}] (${routes[earlier]?.path}) matches every call of this rule first, so this rule never applies. Move this rule before it, or remove one of them`,
    });
  }
}

/**
 * Every key of the configuration. It is parsed at synth, which reports each mistake with its path, and passed
 * to the functions as a file in their assets. The doc comments become docs/configuration.md: run
 * `npm run docs` after a change.
 */
const keysSchema = z.strictObject({
  /** `realm` in `WWW-Authenticate`. */
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
  /** `retain` keeps data, logs and keys when the stack is deleted. */
  removalPolicy: z.enum(["retain", "destroy"]).default("retain"),
  /** Retention in days. */
  retention: retentionSchema.prefault({}),
  /** DynamoDB pricing. Compare options with `npx oauth-monitoring cost`. */
  capacity: capacitySchema,
  /** Shard counts of busy indexes and counters. */
  shards: z
    .strictObject({
      /** Indexes of the events table. */
      events: shardsSchema.prefault({}),
      /** Statistics counters. Conflicting writers use up to 128. */
      counters: shardsSchema.prefault({}),
      /** Index of issued tokens. */
      issuances: shardsSchema.prefault({}),
      /** Expiry indexes for the cleanup. */
      expiry: shardsSchema.prefault({}),
    })
    .prefault({}),
  /**
   * Scopes by route, most specific first. Paths exclude the stage and custom domain base path. GET rules also
   * cover HEAD.
   */
  routes: z.array(routeRuleSchema).max(100).default([]),
  /** Ambiguous paths to accept, which are rejected by default. A call then needs the scopes of every interpretation. */
  allowInPaths: z.array(z.enum(["encoded_slashes", "empty_segments"])).default([]),
  /** Scopes for paths without a matching route. */
  defaultScopes: z
    .strictObject({
      /** GET and HEAD. */
      read: requiredScopes.default(["api:read"]),
      /** All other methods. */
      write: requiredScopes.default(["api:write"]),
    })
    .prefault({}),
  /** How to find the caller's address behind a CDN or proxy. */
  clientAddress: clientAddressSchema,
  /** Accepted access token issuers: docs/issuers.md. Tokens issued by the stack always work. */
  issuers: issuersSchema,
  /** DPoP proofs of possession (RFC 9449). */
  dpop: dpopSchema,
  /** Details that the authorizer records for each call. */
  tracking: z
    .strictObject({
      /** Minimum interval between `last_used_at` writes. 0 writes on every call. */
      lastUsedIntervalSeconds: z.int().min(0).max(86_400).default(0),
      /** Adds scopes to `token_used` and counts `scope_validation_success`. */
      scopeValidationSuccess: z.boolean().default(true),
      /** Events searchable by address. `security_events` skips allowed calls and costs about a fifth less. */
      addressIndex: z.enum(["all_events", "security_events"]).default("all_events"),
    })
    .prefault({}),
  /** Concurrency and network of the functions. */
  functions: functionsSchema,
  /** How SQS delivers events to the subscriber. */
  subscriber: z
    .strictObject({
      /** Messages per invocation. */
      batchSize: z.int().min(1).max(1000).default(500),
      /** Seconds to gather a batch. */
      batchWindowSeconds: z.int().min(0).max(300).default(1),
      /** Maximum concurrent invocations. */
      maxConcurrency: z.int().min(2).max(1000).default(10),
      /** Attempts before the dead-letter queue. Unstorable messages go there immediately. */
      maxReceiveCount: z.int().min(1).max(1000).default(100),
    })
    .refine((subscriber) => subscriber.batchSize <= 10 || subscriber.batchWindowSeconds > 0, {
      path: ["batchWindowSeconds"],
      error:
        "a batchSize above 10 requires a batch window. Set batchWindowSeconds to at least 1, or lower batchSize to 10",
    })
    .prefault({}),
  /** Deletion of expired tokens, codes, sessions and events. */
  cleanup: z
    .strictObject({
      /** Minutes between runs. */
      everyMinutes: z.int().min(5).max(1440).default(60),
      /** Hours to wait for free TTL deletion before the cleanup deletes expired events. */
      eventsOverdueHours: z.int().min(0).max(720).default(48),
      /** Concurrent deletes. */
      concurrency: z.int().min(1).max(200).default(25),
    })
    .prefault({}),
  /** Identity providers whose events to store. */
  providers: providersSchema,
  /** IP enrichment: docs/ip-enrichment.md. */
  ipEnrichment: enrichmentSchema,
  /** Webhooks for alerts and actions, in addition to the alarm topic. */
  notifications: notificationsSchema,
  /** Shared Signals: exchanges Security Event Tokens (SETs) with other systems. Deployed only if set. */
  signals: signalsSchema,
  /** Event archive for replays. */
  archive: archiveSchema,
  /** Anomaly detection. */
  anomalies: anomaliesSchema,
  /** Responses to alerts, by rule. */
  responses: responsesSchema,
  /** Export of every event to S3 as OCSF. */
  ocsfExport: ocsfExportSchema,
  /** CloudWatch alarm thresholds per five minutes. Failure alarms need both `percent` and `atLeast`. */
  alarms: alarmsSchema,
});

/** Schema of the configuration, including the checks that span several keys. */
export const monitoringConfigSchema = keysSchema
  .refine(
    ({ functions, subscriber }) =>
      (functions.reservedConcurrency.Subscriber ?? subscriber.maxConcurrency) >=
      subscriber.maxConcurrency,
    {
      path: ["functions", "reservedConcurrency", "Subscriber"],
      error:
        "it is less than subscriber.maxConcurrency, so Lambda would throttle invocations. Reserve at least subscriber.maxConcurrency",
    },
  )
  .superRefine(({ responses, anomalies, notifications }, context) => {
    for (const name of responses.approvalLinks?.sentTo ?? []) {
      if (name === "topic" || notifications.webhooks.some((each) => each.name === name)) continue;
      context.addIssue({
        code: "custom",
        path: ["responses", "approvalLinks", "sentTo"],
        message: `unknown webhook ${name}. Use topic or the name of one of notifications.webhooks`,
      });
    }
    for (const rule of Object.keys(responses.rules)) {
      if (Object.hasOwn(anomalies.rules, rule)) continue;
      context.addIssue({
        code: "custom",
        path: ["responses", "rules", rule],
        message: `unknown rule. Use one of ${Object.keys(anomalies.rules).join(", ")}`,
      });
    }
  });

/** The configuration as users write it. Every key is optional. */
export type MonitoringConfigInput = z.input<typeof monitoringConfigSchema>;

/** The configuration with every default filled in. */
export interface MonitoringConfig extends z.output<typeof monitoringConfigSchema> {}

/** Access rule of a route, with every default filled in. */
export type RouteRule = MonitoringConfig["routes"][number];

/** Thrown for an invalid configuration. The message lists every mistake with its path. */
export class InvalidConfigError extends InvalidInputError {
  override readonly name = "InvalidConfigError";
}

/**
 * Parses a configuration.
 *
 * @throws InvalidConfigError naming each invalid key, what is wrong and how to fix it
 */
export function parseMonitoringConfig(input: unknown): MonitoringConfig {
  const parsed = monitoringConfigSchema
    .superRefine(({ anomalies, ipEnrichment, responses, routes }, context) => {
      checkRouteOrder(routes, context);
      checkCustomRules(anomalies, (path, message) =>
        context.addIssue({
          code: "custom",
          path: ["anomalies", "custom", ...path],
          message,
        }),
      );
      checkEnrichment(ipEnrichment, (path, message) =>
        context.addIssue({ code: "custom", path: ["ipEnrichment", ...path], message }),
      );
      checkAllowedNetworks(responses, (path, message) =>
        context.addIssue({ code: "custom", path: ["responses", ...path], message }),
      );
    })
    .safeParse(input);
  if (!parsed.success)
    throw new InvalidConfigError("the oauth-monitoring configuration", parsed.error);
  return parsed.data;
}

import * as z from "zod";
import { eventTypeSchema } from "../events/identifiers.ts";
import { secretArn } from "./issuer-parameters.ts";

/** Names that the built-in adapters and this product already use. */
const TAKEN = ["auth0", "cognito", "entra", "keycloak", "monitoring", "okta", "ping"];

/** JSONPath. Synth, which has a parser, checks the syntax (RFC 9535). */
const path = z.string().max(256).regex(/^\$/, "a JSONPath that starts with $ (RFC 9535)");

/** One path, or several: the first one that finds text or a number applies. */
const paths = z.union([path, z.array(path).min(1).max(4)]);

/** Event types by provider code. A key may end with `*`. */
const types = z
  .record(z.string().min(1).max(128), eventTypeSchema)
  .refine(
    (all) => Object.keys(all).length <= 50,
    "more than 50 entries. Combine keys with a trailing *",
  )
  .default({});

/** Maps events of a provider that has no built-in adapter. */
export const providerMappingSchema = z.strictObject({
  /** Provider name in events. Its `Source` is `oauth.NAME`. */
  name: z
    .string()
    .regex(
      /^[a-z][a-z0-9_]{1,30}$/,
      "a lower-case letter, then at most 30 of a-z, 0-9 and _, such as acme_login",
    )
    .refine(
      (name) => !TAKEN.includes(name),
      `this name is reserved. Use a name other than ${TAKEN.join(", ")}`,
    ),
  /** Partner event bus. Defaults to the stack's bus. */
  partnerEventBus: z
    .string()
    .regex(
      /^aws\.partner\/[A-Za-z0-9.-]{1,80}\/[A-Za-z0-9._/-]{1,160}$/,
      "a partner event bus, such as aws.partner/example.com/tenant/stream",
    )
    .optional(),
  /** JSONPaths into the provider's event. In a list, the first match applies. */
  fields: z.strictObject({
    /** Provider's event code. Determines the type. */
    code: paths,
    /** Event id. Defaults to EventBridge's. */
    id: paths.optional(),
    /** Time: a date, or epoch seconds or milliseconds. */
    occurredAt: paths.optional(),
    /** Value compared with `failures`. */
    outcome: paths.optional(),
    /** Failure reason. */
    reason: paths.optional(),
    /** OAuth client. */
    clientId: paths.optional(),
    /** User. */
    userId: paths.optional(),
    /** Session. */
    sessionId: paths.optional(),
    /** Caller's address. */
    ip: paths.optional(),
    /** Country: ISO 3166-1 code or English name. */
    country: paths.optional(),
    /** Autonomous system: `64496` or `AS64496`. */
    asn: paths.optional(),
    /** Name of the network operator. */
    organization: paths.optional(),
    /** Use of the address: `hosting`, `vpn`, `proxy` or `tor`. */
    networkType: paths.optional(),
    /** Latitude in degrees. */
    latitude: paths.optional(),
    /** Longitude in degrees. */
    longitude: paths.optional(),
    /** User agent. */
    userAgent: paths.optional(),
    /** Endpoint called. */
    endpoint: paths.optional(),
    /** Description. */
    message: paths.optional(),
  }),
  /** `outcome` values that mean failure. */
  failures: z.array(z.string().min(1).max(128)).max(20).default([]),
  /** Event types by code, such as `{ "login.*": "session_started" }`. Defaults to the code. */
  types,
  /** Event types of failures by code, such as `{ "login.*": "auth_failed" }`. */
  failedTypes: types,
});

/** Admin API path for events that providers post. */
export const PROVIDER_EVENTS_PATH = "/providers/{provider}/events";

/** Providers that can post events and need no mapping. */
const POSTING = ["auth0", "entra", "keycloak", "okta", "ping"];

/** How to authenticate a provider's requests before parsing them. */
const authenticationSchema = z
  .strictObject({
    /** `signature`: Standard Webhooks. `body_signature`: hex HMAC-SHA256 of the body. `bearer`: shared secret. */
    kind: z.enum(["signature", "body_signature", "bearer"]),
    /**
     * Secret ARN: one to five keys, one per line. `bearer` keys are whole header values; `signature` keys
     * start with `whsec_`.
     */
    secretArn,
    /** Header. Defaults to `x-keycloak-signature` for `body_signature`, `authorization` for `bearer`. */
    header: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,63}$/, "a lower-case header name such as x-signature")
      .optional(),
    /** Maximum clock difference for `signature`. */
    toleranceSeconds: z.int().min(10).max(3600).default(300),
  })
  .refine(({ kind, header }) => kind !== "signature" || header === undefined, {
    path: ["header"],
    error: "Standard Webhooks defines its own headers. Omit header, or choose another kind",
  });

/** Authentication of an endpoint, with every default filled in. */
export type EndpointAuthentication = z.output<typeof authenticationSchema>;

const endpointSchema = z.strictObject({
  /** `auth0`, `entra`, `keycloak`, `okta`, `ping` or a mapping's name. The path is `/providers/NAME/events`. */
  provider: z.string().min(1).max(31),
  /** Request authentication. */
  authentication: authenticationSchema,
});

/** Admin API endpoint to which a provider posts events. */
export type ProviderEndpoint = z.output<typeof endpointSchema>;

/** Identity providers whose events to store. */
export const providersSchema = z
  .strictObject({
    /** Partner event buses of Auth0 and Okta. */
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
    /** Reads Cognito calls from CloudTrail. */
    cognito: z.boolean().default(false),
    /** Providers without a built-in adapter. Test one with `providers try`. */
    mappings: z
      .array(providerMappingSchema)
      .max(10)
      .refine(
        (all) => new Set(all.map(({ name }) => name)).size === all.length,
        "two mappings have the same name. Rename one",
      )
      .default([]),
    /** Admin API endpoints to which providers post events. */
    endpoints: z.array(endpointSchema).max(10).default([]),
    /** Endpoint limits, shared by all senders. */
    endpointThrottle: z
      .strictObject({
        /** Requests per second before 429. */
        rateLimit: z.number().positive().max(10_000).default(100),
        /** Burst capacity in requests. */
        burstLimit: z.int().min(1).max(5000).default(200),
      })
      .prefault({}),
  })
  .superRefine(({ endpoints, mappings }, context) => {
    const known = [...POSTING, ...mappings.map(({ name }) => name)];
    for (const [index, { provider }] of endpoints.entries()) {
      const reject = (message: string) =>
        context.addIssue({ code: "custom", path: ["endpoints", index, "provider"], message });
      if (!known.includes(provider)) {
        reject(`unknown provider. Use one of ${known.join(", ")}, or add a mapping`);
      } else if (endpoints.findIndex((each) => each.provider === provider) < index) {
        reject("the provider is listed twice. Put all its keys into one secret");
      }
    }
  })
  .prefault({});

/** A mapping, with every default filled in. */
export type ProviderMapping = z.output<typeof providerMappingSchema>;

/**
 * Returns the name of the header that carries a request's credential. For `signature`, it is one of the three
 * Standard Webhooks headers.
 */
export function credentialHeader({ kind, header }: EndpointAuthentication): string {
  if (kind === "signature") return "webhook-signature";
  return header ?? (kind === "bearer" ? "authorization" : "x-keycloak-signature");
}

/** Returns the EventBridge `Source` of a mapped provider's events. */
export function getEventSource({ name, partnerEventBus }: ProviderMapping): string {
  return partnerEventBus ?? `oauth.${name}`;
}

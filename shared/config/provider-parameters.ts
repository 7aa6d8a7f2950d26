import * as z from "zod";
import { eventTypeSchema } from "../events/identifiers.ts";
import { secretArn } from "./issuer-parameters.ts";

/** Names that events already have, of providers and of this product. */
const TAKEN = ["auth0", "cognito", "entra", "keycloak", "monitoring", "okta", "ping"];

/** Whether it is a JSONPath is checked in the synthesis, which has a parser (RFC 9535). */
const path = z.string().max(256).regex(/^\$/, "a JSONPath, which begins with $ (RFC 9535)");

/** One path, or several of which the first that finds text or a number counts. */
const paths = z.union([path, z.array(path).min(1).max(4)]);

/** The provider's code, or its beginning and `*`, and our type for it. */
const types = z
  .record(z.string().min(1).max(128), eventTypeSchema)
  .refine((all) => Object.keys(all).length <= 50, "at most 50 entries: end keys with *")
  .default({});

/** How events of a provider without an adapter become events of our own. */
export const providerMappingSchema = z.strictObject({
  /** Names the provider in events and types. Its events have the `Source` `oauth.NAME` on the stack's bus. */
  name: z
    .string()
    .regex(
      /^[a-z][a-z0-9_]{1,30}$/,
      "a lower-case letter, then at most 30 of a-z, 0-9 and _, such as acme_login",
    )
    .refine((name) => !TAKEN.includes(name), `another name: ${TAKEN.join(", ")} are taken`),
  /** The partner event bus of a provider that sends to one, in place of the stack's bus. */
  partnerEventBus: z
    .string()
    .regex(
      /^aws\.partner\/[A-Za-z0-9.-]{1,80}\/[A-Za-z0-9._/-]{1,160}$/,
      "a partner event bus, such as aws.partner/example.com/tenant/stream",
    )
    .optional(),
  /** Where the provider's event says what: a JSONPath, or a list of which the first that finds something counts. */
  fields: z.strictObject({
    /** The provider's code for what happened. It decides the type of the event. */
    code: paths,
    /** The provider's id of the event. Without one, EventBridge's own is taken. */
    id: paths.optional(),
    /** When it happened: any text that JavaScript's `Date` reads, or epoch seconds or milliseconds. */
    occurredAt: paths.optional(),
    /** The value that `failures` is compared with. */
    outcome: paths.optional(),
    /** Why it failed. */
    reason: paths.optional(),
    /** The OAuth client. */
    clientId: paths.optional(),
    /** The user. */
    userId: paths.optional(),
    /** The session. */
    sessionId: paths.optional(),
    /** The address of the caller. */
    ip: paths.optional(),
    /** The country of the address: a code of ISO 3166-1, or a name in English. */
    country: paths.optional(),
    /** The number of the address's autonomous system: `64496` or `AS64496`. */
    asn: paths.optional(),
    /** Who runs the address's network. */
    operator: paths.optional(),
    /** What the address is used for: `hosting`, `vpn`, `proxy` or `tor`. */
    kind: paths.optional(),
    /** Where the address is, in degrees. */
    latitude: paths.optional(),
    /** As `latitude`. */
    longitude: paths.optional(),
    /** The user agent of the caller. */
    userAgent: paths.optional(),
    /** What was called. */
    endpoint: paths.optional(),
    /** What happened, in words. */
    message: paths.optional(),
  }),
  /** Values of `outcome` that mean a failure. Any other value means a success. */
  failures: z.array(z.string().min(1).max(128)).max(20).default([]),
  /** Our types by code, such as `{ "login.*": "session_started" }`. Other codes become types themselves. */
  types,
  /** Our types of events that failed, by code, such as `{ "login.*": "auth_failed" }`. */
  failedTypes: types,
});

/** The path of the admin API to which providers post their events. */
export const PROVIDER_EVENTS_PATH = "/providers/{provider}/events";

/** The providers that can post their events and need no mapping. */
const POSTING = ["auth0", "entra", "keycloak", "okta", "ping"];

/** How a request of a provider is authenticated, before anything in it is read. */
const authenticationSchema = z
  .strictObject({
    /**
     * `signature`: HMAC-SHA256 over id, time and body, as Standard Webhooks 1.0 has it. `body_signature`: the
     * HMAC-SHA256 of the body in hex, in `header`. `bearer`: a shared secret in `header`.
     */
    kind: z.enum(["signature", "body_signature", "bearer"]),
    /**
     * ARN of the secret whose text has one to five keys, each in a line of its own. Each of them counts, so that a key
     * can be replaced. For `bearer`, a key is the whole header, such as `Bearer …`; for `signature` it begins with `whsec_`.
     */
    secretArn,
    /** The header of a `body_signature` (default `x-keycloak-signature`) or `bearer` (default `authorization`). */
    header: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,63}$/, "a header's name in lower case, such as x-signature")
      .optional(),
    /** Seconds by which the time of a `signature` may differ from ours. */
    toleranceSeconds: z.int().min(10).max(3600).default(300),
  })
  .refine(({ kind, header }) => kind !== "signature" || header === undefined, {
    path: ["header"],
    error: "Standard Webhooks has headers of its own: leave it out, or choose another kind",
  });

/** How requests of an endpoint are authenticated, with every default filled in. */
export type EndpointAuthentication = z.output<typeof authenticationSchema>;

const endpointSchema = z.strictObject({
  /** `auth0`, `entra`, `keycloak`, `okta`, `ping`, or the name of a mapping. The path is `/providers/NAME/events`. */
  provider: z.string().min(1).max(31),
  /** How its requests are authenticated. */
  authentication: authenticationSchema,
});

/** A path of the admin API to which a provider posts its events. */
export type ProviderEndpoint = z.output<typeof endpointSchema>;

/** Identity providers whose events are stored as well. */
export const providersSchema = z
  .strictObject({
    /** Names of the partner event buses of Auth0 and Okta. */
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
    /** Reads Cognito's calls, which CloudTrail puts on the account's default bus. */
    cognito: z.boolean().default(false),
    /** Providers without an adapter of their own. `oauth-monitoring providers try` tries a mapping. */
    mappings: z
      .array(providerMappingSchema)
      .max(10)
      .refine(
        (all) => new Set(all.map(({ name }) => name)).size === all.length,
        "two mappings have the same name: rename one",
      )
      .default([]),
    /** Paths of the admin API to which providers post their events. Nothing of it is deployed unless there is one. */
    endpoints: z.array(endpointSchema).max(10).default([]),
    /** Limits of these paths, shared by all senders. */
    endpointThrottle: z
      .strictObject({
        /** Requests a second before API Gateway answers 429. */
        rateLimit: z.number().positive().max(10_000).default(100),
        /** Requests that may arrive at the same moment. */
        burstLimit: z.int().min(1).max(5000).default(200),
      })
      .prefault({}),
  })
  .superRefine(({ endpoints, mappings }, context) => {
    const known = [...POSTING, ...mappings.map(({ name }) => name)];
    for (const [index, { provider }] of endpoints.entries()) {
      const refuse = (message: string) =>
        context.addIssue({ code: "custom", path: ["endpoints", index, "provider"], message });
      if (!known.includes(provider)) {
        refuse(`there is no such provider: name one of ${known.join(", ")}, or add a mapping`);
      } else if (endpoints.findIndex((each) => each.provider === provider) < index) {
        refuse("named twice: put all its keys into one secret");
      }
    }
  })
  .prefault({});

/** A mapping with every default filled in. */
export type ProviderMapping = z.output<typeof providerMappingSchema>;

/** The header that holds the credential of a request; a `signature` has three headers of its own. */
export function credentialHeader({ kind, header }: EndpointAuthentication): string {
  if (kind === "signature") return "webhook-signature";
  return header ?? (kind === "bearer" ? "authorization" : "x-keycloak-signature");
}

/** The `Source` of a mapped provider's events. */
export function sourceOf({ name, partnerEventBus }: ProviderMapping): string {
  return partnerEventBus ?? `oauth.${name}`;
}

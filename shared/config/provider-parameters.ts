import * as z from "zod";
import { eventTypeSchema } from "../envelope/identifiers.ts";

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
  })
  .prefault({});

/** A mapping with every default filled in. */
export type ProviderMapping = z.output<typeof providerMappingSchema>;

/** The `Source` of a mapped provider's events. */
export function sourceOf({ name, partnerEventBus }: ProviderMapping): string {
  return partnerEventBus ?? `oauth.${name}`;
}

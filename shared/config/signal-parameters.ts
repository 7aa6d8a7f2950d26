import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";
import { ALGORITHMS, httpsUrl, secretArn } from "./issuer-parameters.ts";

/** Admin API path to which transmitters push SETs. */
export const SET_PATH = "/signals/events";

/** Scopes for stream management (CAEP interoperability profile). */
export const STREAM_SCOPES = { read: "ssf.read", manage: "ssf.manage" } as const;

/** Paths of our transmitter. */
export const TRANSMITTER_PATHS = {
  metadata: "/.well-known/ssf-configuration",
  keys: "/jwks",
  streams: "/ssf/streams",
  status: "/ssf/status",
  addSubject: "/ssf/subjects/add",
  removeSubject: "/ssf/subjects/remove",
  verification: "/ssf/verification",
  poll: "/ssf/poll",
} as const;

/**
 * Event types that the transmitter sends: decisions, but not each token revoked as a result. Otherwise, a
 * response to a received signal would send back one signal per token.
 */
export const OUTGOING_EVENT_TYPES = [
  "action_taken",
  "action_released",
  "access_revoked",
  "suspicious_activity",
  "alert_resolved",
] as const;

/** Subject identifier formats that can name a user, session or client (RFC 9493, section 3). */
export const IDENTIFIER_FORMATS = [
  "iss_sub",
  "email",
  "phone_number",
  "opaque",
  "account",
  "did",
  "uri",
] as const;

const formats = z.array(z.enum(IDENTIFIER_FORMATS as readonly [string, ...string[]])).max(7);

/** Signals that can trigger a revocation, named by the last part of their event type URI. */
export const ACTIONABLE_SIGNALS = [
  "session-revoked",
  "sessions-revoked",
  "account-disabled",
  "account-purged",
  "credential-compromise",
  "token-claims-change",
  "credential-change",
  "assurance-level-change",
  "device-compliance-change",
] as const;

/** Signal that can trigger a revocation. */
export type ActionableSignal = (typeof ACTIONABLE_SIGNALS)[number];

/** Possible responses to a signal. */
export const SIGNAL_RESPONSES = ["notify", "propose", "dry_run", "enforce"] as const;

/** Response to a signal: only store it, propose a revocation, record it without revoking, or revoke. */
export type SignalResponse = (typeof SIGNAL_RESPONSES)[number];

const signalName = z
  .string()
  .refine((name) => (ACTIONABLE_SIGNALS as readonly string[]).includes(name), {
    error: `expected one of ${ACTIONABLE_SIGNALS.join(", ")}`,
  });

const transmitterSchema = z.strictObject({
  /** Name in events, and the actor of its actions. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,30}$/, "a lower-case letter, then at most 30 of a-z, 0-9, _ and -"),
  /** Transmitter, exactly as in `iss`. */
  issuer: httpsUrl,
  /** Accepted `aud` values. */
  audiences: z.array(z.string().min(1).max(512)).min(1).max(20),
  /** JWKS URL. Defaults to the transmitter's metadata. */
  jwksUri: httpsUrl.optional(),
  /** Accepted signature algorithms. */
  algorithms: z
    .array(z.enum(ALGORITHMS as unknown as readonly [string, ...string[]]))
    .min(1)
    .max(ALGORITHMS.length)
    .default(["RS256", "PS256", "ES256", "EdDSA"]),
  /** Maximum age of a SET, from `iat`. */
  maxAgeSeconds: z.int().min(60).max(2_592_000).default(604_800),
  /** Tolerance for the transmitter's clock. */
  clockSkewSeconds: z.int().min(0).max(600).default(60),
  /** Secret ARN: required `Authorization` header of pushes. Unset, only the signature is checked. */
  pushAuthorizationSecretArn: secretArn.optional(),
  /** Polls for SETs (RFC 8936). Unset, the transmitter pushes. */
  poll: z
    .strictObject({
      /** Stream's `endpoint_url`. */
      endpoint: httpsUrl,
      /** Secret ARN: the whole `Authorization` header, such as `Bearer …`. */
      authorizationSecretArn: secretArn,
      /** SETs per response. */
      maxEvents: z.int().min(1).max(100).default(50),
    })
    .optional(),
  /** Accepted subject `tenant` ids. Defaults to all. */
  tenants: z.array(z.string().min(1).max(256)).min(1).max(20).optional(),
  /** How subjects identify users, sessions and clients. */
  subjects: z
    .strictObject({
      /** User formats. `iss_sub` must name the transmitter or an entry of `issuers`. */
      users: formats.default(["iss_sub"]),
      /** Session formats. */
      sessions: formats.default(["opaque"]),
      /** Client formats, in `application`. */
      clients: formats.default(["opaque"]),
      /** Further issuers accepted in `iss_sub` and `jwt_id`. */
      issuers: z.array(httpsUrl).max(10).default([]),
      /** The `idPrefix` of the users' issuer. */
      idPrefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,32}[:/|]$/, "letters and digits, then one of : / |")
        .optional(),
    })
    .prefault({}),
  /** Revocations by signal, such as `{ "session-revoked": "enforce" }`. Defaults to `notify`: only stores the event. */
  actions: z.record(signalName, z.enum(SIGNAL_RESPONSES)).default({}),
});

/** Transmitter from which SETs are accepted, with every default filled in. */
export type TransmitterConfig = z.output<typeof transmitterSchema>;

/** Whether any signal of the transmitters triggers an action. */
export function hasActions(transmitters: readonly TransmitterConfig[]): boolean {
  return transmitters.some(({ actions }) =>
    Object.values(actions).some((response) => response !== "notify"),
  );
}

const receiverSchema = z.strictObject({
  /** Transmitters from which SETs are accepted. */
  transmitters: z
    .array(transmitterSchema)
    .min(1)
    .max(10)
    .superRefine((transmitters, context) => {
      for (const key of ["name", "issuer"] as const) {
        for (const [index, each] of transmitters.entries()) {
          if (transmitters.findIndex((other) => other[key] === each[key]) < index) {
            context.addIssue({
              code: "custom",
              path: [index, key],
              message: "the transmitter is listed twice. Remove or change one",
            });
          }
        }
      }
    }),
  /** Minutes between polls. */
  pollEveryMinutes: z.int().min(1).max(60).default(1),
});

const keyName = z
  .string()
  .regex(/^[A-Z][A-Za-z0-9]{0,30}$/, "a capital letter, then at most 30 letters and digits");

const transmittingSchema = z.strictObject({
  /** `iss` of our SETs. Defaults to the API's URL. */
  issuer: httpsUrl.optional(),
  /** User `iss` in `sub_id`. Defaults to this transmitter. */
  userIssuer: httpsUrl.optional(),
  /** `aud` by the OAuth client that manages the streams. Defaults to its id. */
  audiences: z
    .record(identifierSchema, z.array(z.string().min(1).max(512)).min(1).max(10))
    .default({}),
  /** Whether streams include subjects that receivers never added. */
  defaultSubjects: z.enum(["ALL", "NONE"]).default("ALL"),
  /** Days to keep undelivered SETs. */
  retentionDays: z.int().min(1).max(14).default(7),
  /** Maximum streams per receiver. */
  streamsPerReceiver: z.int().min(1).max(20).default(5),
  /** Keys to create. The first signs; all are published. Rotation: docs/shared-signals.md. */
  signingKeys: z
    .array(keyName)
    .min(1)
    .max(2)
    .refine(
      (names) => new Set(names).size === names.length,
      "two keys have the same name. Rename one",
    )
    .default(["First"]),
});

/** Transmitter settings, with every default filled in. */
export type TransmitterSettings = z.output<typeof transmittingSchema>;

/**
 * Shared Signals (OpenID Shared Signals Framework 1.0): exchanges Security Event Tokens (SETs) with other
 * systems. Parts that are absent aren't deployed. See docs/shared-signals.md.
 */
export const signalsSchema = z
  .strictObject({
    /** Receives SETs from other systems. */
    receiver: receiverSchema.optional(),
    /** Transmits alerts and actions as SETs. `{}` enables it. */
    transmitter: transmittingSchema.optional(),
  })
  .optional()
  .transform((signals) =>
    signals && Object.values(signals).some((part) => part !== undefined) ? signals : undefined,
  );

import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";
import { ALGORITHMS, httpsUrl, secretArn } from "./issuer-parameters.ts";

/** Where a transmitter pushes its SETs. */
export const SET_PATH = "/signals/events";

/** The scopes of the management of streams (CAEP interoperability profile). */
export const STREAM_SCOPES = { read: "ssf.read", manage: "ssf.manage" } as const;

/** The paths of a transmitter, below its host. */
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
 * The types of our events that leave: what was decided, and not each token that was marked as revoked for it. A signal
 * that was answered would else go back for each of them.
 */
export const OUTGOING_EVENT_TYPES = [
  ...["action_taken", "action_released", "access_revoked"],
  ...["suspicious_activity", "alert_resolved"],
] as const;

/** Formats of subject identifiers that can name a user, session or client (RFC 9493, section 3). */
export const IDENTIFIER_FORMATS = [
  ...["iss_sub", "email", "phone_number", "opaque", "account", "did", "uri"],
] as const;

const formats = z.array(z.enum(IDENTIFIER_FORMATS as readonly [string, ...string[]])).max(7);

/** Signals that can be answered by a revocation, by the end of their event type's URI. */
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

/** A signal that can be answered by a revocation. */
export type ActionableSignal = (typeof ACTIONABLE_SIGNALS)[number];

/** What is done about a signal. */
export const SIGNAL_RESPONSES = ["notify", "propose", "dry_run", "enforce"] as const;

/** What is done about a signal: stored only, proposed, recorded as if done, or done. */
export type SignalResponse = (typeof SIGNAL_RESPONSES)[number];

const signalName = z
  .string()
  .refine((name) => (ACTIONABLE_SIGNALS as readonly string[]).includes(name), {
    error: `one of ${ACTIONABLE_SIGNALS.join(", ")}`,
  });

const transmitterSchema = z.strictObject({
  /** A short name, in events and as the actor of what is done. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,30}$/, "a lower-case letter, then at most 30 of a-z, 0-9, _ and -"),
  /** The transmitter, exactly as `iss` in its SETs. */
  issuer: httpsUrl,
  /** Our names, of which `aud` of a SET must have one. */
  audiences: z.array(z.string().min(1).max(512)).min(1).max(20),
  /** Where the keys are. The transmitter's `/.well-known/ssf-configuration` says it by default. */
  jwksUri: httpsUrl.optional(),
  /** Algorithms that a signature may have. */
  algorithms: z
    .array(z.enum(ALGORITHMS as unknown as readonly [string, ...string[]]))
    .min(1)
    .max(ALGORITHMS.length)
    .default(["RS256", "PS256", "ES256", "EdDSA"]),
  /** Seconds after `iat` within which a SET is taken. An older one is refused, as is a replay of it. */
  maxAgeSeconds: z.int().min(60).max(2_592_000).default(604_800),
  /** Seconds that the transmitter's clock may be ahead. */
  clockSkewSeconds: z.int().min(0).max(600).default(60),
  /** ARN of the secret whose text a push must have as its `Authorization` header. Without it, the signature is all. */
  pushAuthorizationSecretArn: secretArn.optional(),
  /** Fetches SETs from the transmitter (RFC 8936). Without it, the transmitter pushes them. */
  poll: z
    .strictObject({
      /** The `endpoint_url` of the stream. */
      endpoint: httpsUrl,
      /** ARN of the secret with the whole `Authorization` header, such as `Bearer …`. */
      authorizationSecretArn: secretArn,
      /** SETs in one answer. */
      maxEvents: z.int().min(1).max(100).default(50),
    })
    .optional(),
  /** The only tenants whose signals are taken: the ids in the `tenant` of a subject. All by default. */
  tenants: z.array(z.string().min(1).max(256)).min(1).max(20).optional(),
  /** Which identifiers name our users, sessions and clients. */
  subjects: z
    .strictObject({
      /** Formats that name a user. `iss_sub` must be of the transmitter, or of `issuers`. */
      users: formats.default(["iss_sub"]),
      /** Formats that name a session. */
      sessions: formats.default(["opaque"]),
      /** Formats that name a client, in `application`. */
      clients: formats.default(["opaque"]),
      /** Issuers whose `iss` is accepted in `iss_sub` and `jwt_id`, in addition to the transmitter itself. */
      issuers: z.array(httpsUrl).max(10).default([]),
      /** Put before the ids: the `idPrefix` of the issuer whose tokens the users have. */
      idPrefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,32}[:/|]$/, "letters and digits, then one of : / |")
        .optional(),
    })
    .prefault({}),
  /**
   * What is done about each signal, such as `{ "session-revoked": "enforce" }`: the tokens of the session, user or
   * client are revoked. `notify` only stores the event, and is the default.
   */
  actions: z.record(signalName, z.enum(SIGNAL_RESPONSES)).default({}),
});

/** A transmitter whose SETs are taken, with every default filled in. */
export type TransmitterConfig = z.output<typeof transmitterSchema>;

/** Whether any signal of the transmitters is answered by an action. */
export function hasActions(transmitters: readonly TransmitterConfig[]): boolean {
  return transmitters.some(({ actions }) =>
    Object.values(actions).some((response) => response !== "notify"),
  );
}

const receiverSchema = z.strictObject({
  /** Whose SETs are taken. */
  transmitters: z
    .array(transmitterSchema)
    .min(1)
    .max(10)
    .superRefine((transmitters, context) => {
      for (const key of ["name", "issuer"] as const) {
        for (const [index, each] of transmitters.entries()) {
          if (transmitters.findIndex((other) => other[key] === each[key]) < index) {
            context.addIssue({ code: "custom", path: [index, key], message: "named twice" });
          }
        }
      }
    }),
  /** Minutes between two polls of the transmitters that are polled. */
  pollEveryMinutes: z.int().min(1).max(60).default(1),
});

const keyName = z
  .string()
  .regex(/^[A-Z][A-Za-z0-9]{0,30}$/, "a capital letter, then at most 30 letters and digits");

const transmittingSchema = z.strictObject({
  /** `iss` of our SETs, if the API has a domain name of its own. The API's address by default. */
  issuer: httpsUrl.optional(),
  /** Whose users ours are: the `iss` of a user in `sub_id`. This transmitter by default. */
  userIssuer: httpsUrl.optional(),
  /** `aud` by the OAuth client that manages the streams of a receiver. The client's id by default. */
  audiences: z
    .record(identifierSchema, z.array(z.string().min(1).max(512)).min(1).max(10))
    .default({}),
  /** Whether subjects that a receiver never named are in its streams. */
  defaultSubjects: z.enum(["ALL", "NONE"]).default("ALL"),
  /** Days that a SET waits for its receiver. */
  retentionDays: z.int().min(1).max(14).default(7),
  /** Streams that one receiver may have. */
  streamsPerReceiver: z.int().min(1).max(20).default(5),
  /**
   * The keys that the stack makes. The first signs, and all are published. To rotate, add a name at the end and deploy;
   * ten minutes later put it first and deploy; days later remove the old one.
   */
  signingKeys: z
    .array(keyName)
    .min(1)
    .max(2)
    .refine((names) => new Set(names).size === names.length, "two keys have one name")
    .default(["First"]),
});

/** How SETs are transmitted, with every default filled in. */
export type TransmitterSettings = z.output<typeof transmittingSchema>;

/**
 * Shared Signals (OpenID Shared Signals Framework 1.0): security events of other systems, as Security Event Tokens.
 * What is absent is not deployed: docs/shared-signals.md.
 */
export const signalsSchema = z
  .strictObject({
    /** Takes SETs of other systems. */
    receiver: receiverSchema.optional(),
    /** Transmits our alerts and actions to other systems. `{}` switches it on. */
    transmitter: transmittingSchema.optional(),
  })
  .optional()
  .transform((signals) =>
    signals && Object.values(signals).some((part) => part !== undefined) ? signals : undefined,
  );

/** The configuration of Shared Signals, when any of it is on. */
export type SignalsConfig = NonNullable<z.output<typeof signalsSchema>>;

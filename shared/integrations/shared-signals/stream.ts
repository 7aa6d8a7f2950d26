import { isIP } from "node:net";
import * as z from "zod";
import { TRANSMITTER_PATHS } from "../../config/signal-parameters.ts";
import { isPublicAddress } from "../../events/ip-network.ts";
import { caepType, riscType } from "./signal-types.ts";

/** Delivery methods (Shared Signals Framework 1.0, section 6.1). */
export const PUSH = "urn:ietf:rfc:8935";
export const POLL = "urn:ietf:rfc:8936";

/** URIs of the event types that this transmitter sends. */
export const EVENTS_SUPPORTED: readonly string[] = [
  ...["session-revoked", "risk-level-change"].map(caepType),
  ...["credential-compromise", "account-disabled", "account-enabled"].map(riscType),
];

export const STREAM_STATUSES = ["enabled", "paused", "disabled"] as const;

/** A stream as stored in DynamoDB: the receiver's settings and the stream's status. */
export const streamSchema = z.object({
  stream_id: z.string(),
  /** The OAuth client that manages the stream. */
  owner: z.string(),
  aud: z.array(z.string()),
  method: z.enum([PUSH, POLL]),
  /** URL to which SETs are pushed. */
  endpoint_url: z.string().optional(),
  /** The receiver's `authorization_header`, encrypted. */
  sealed_authorization: z.string().optional(),
  events_requested: z.array(z.string()).optional(),
  description: z.string().optional(),
  status: z.enum(STREAM_STATUSES),
  status_reason: z.string().optional(),
  created_at: z.string(),
  /** Time of the last verification request, epoch milliseconds. */
  verified_at_ms: z.number().optional(),
  /** Incremented on every change, for optimistic locking. */
  version: z.int(),
});

/** A stream from this transmitter to one receiver. */
export type SignalStream = z.output<typeof streamSchema>;

/**
 * Returns the event types that a stream delivers: the requested types that are supported, or all supported types if
 * none were requested.
 */
export function eventsDelivered({ events_requested }: SignalStream): string[] {
  return EVENTS_SUPPORTED.filter((uri) => events_requested?.includes(uri) ?? true);
}

/** Host names for this machine and for private networks (RFC 6761, RFC 6762, RFC 8375). */
const PRIVATE_NAME = /^(?:.+\.)?(?:localhost|local|internal|home\.arpa)\.?$/i;

function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(host) === 0 ? !PRIVATE_NAME.test(host) : isPublicAddress(host);
}

/**
 * Whether SETs may be pushed to a URL. It must use HTTPS and a public host. `postToReceiver` also checks the addresses
 * that the host name resolves to. A transmitter with an HTTP issuer, such as the local stack, may also push to
 * 127.0.0.1 over HTTP.
 *
 * @param issuer this transmitter's `iss`
 */
export function isPushable(url: string, issuer: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password, hash } = new URL(url);
  if ([username, password, hash].some((part) => part !== "")) return false;
  const isLocal = new URL(issuer).protocol === "http:";
  if (isLocal && protocol === "http:" && hostname === "127.0.0.1") return true;
  return protocol === "https:" && isPublicHost(hostname);
}

const deliverySchema = z.discriminatedUnion("method", [
  z.looseObject({
    method: z.literal(PUSH),
    endpoint_url: z.string().min(1).max(2048),
    authorization_header: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^[\t\x20-\x7e]+$/, "visible ASCII")
      .nullish(),
  }),
  z.looseObject({ method: z.literal(POLL) }),
]);

/** The members of a stream that a receiver can set. The transmitter sets all others. */
export const streamRequestSchema = z.looseObject({
  stream_id: z.string().max(64).optional(),
  delivery: deliverySchema.optional(),
  events_requested: z.array(z.string().max(512)).max(100).optional(),
  description: z.string().max(512).optional(),
});

/** A request to create, update or replace a stream. */
export type StreamRequest = z.output<typeof streamRequestSchema>;

/** Minimum seconds between two verification requests for a stream. */
export const MIN_VERIFICATION_INTERVAL_SECONDS = 30;

/** Returns a transmitter's metadata (Shared Signals Framework 1.0, section 7.1). */
export function transmitterMetadata(issuer: string, defaultSubjects: "ALL" | "NONE"): object {
  const at = (name: keyof typeof TRANSMITTER_PATHS) =>
    `${issuer.replace(/\/$/, "")}${TRANSMITTER_PATHS[name]}`;
  return {
    spec_version: "1_0",
    issuer,
    jwks_uri: at("keys"),
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: at("streams"),
    status_endpoint: at("status"),
    add_subject_endpoint: at("addSubject"),
    remove_subject_endpoint: at("removeSubject"),
    verification_endpoint: at("verification"),
    authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }],
    default_subjects: defaultSubjects,
  };
}

import * as z from "zod";
import type { IpEnrichmentInput } from "../../events/ip-enrichment.ts";

/** Event types for activities that only identity providers report, shared by all providers. */
export const PROVIDER_EVENT_TYPES = {
  /** The provider's configuration, users or permissions were changed, or a secret was read. */
  admin: "admin_activity",
  /** The provider's rate limit was reached or is near. */
  limit: "rate_limited",
  /** A user or administrator allowed a client to act on behalf of users. */
  consent: "consent_granted",
  /** A consent was revoked. */
  consentRevoked: "consent_revoked",
} as const;

/** A provider's event in this product's terms. Members that the provider doesn't send are undefined. */
export interface ProviderEvent {
  /** The provider's event ID. Redeliveries have the same ID. */
  readonly id?: string | undefined;
  /** The provider's name or code for the event. */
  readonly code?: string | undefined;
  /** Epoch milliseconds, or text in a format that `Date` parses. */
  readonly occurredAt?: string | number | undefined;
  /** This product's event type. Default: derived from the provider and the code. */
  readonly eventType?: string | undefined;
  readonly outcome?: "success" | "failure" | undefined;
  readonly reason?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  /** The provider's data about the IP address. */
  readonly enrichment?: IpEnrichmentInput | undefined;
  readonly userAgent?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly message?: string | undefined;
  /** Stored instead of the detail, if the detail may contain secrets under arbitrary names. */
  readonly original?: unknown;
}

/** A text. Anything else, including empty text, counts as absent, so an invalid field never invalidates the event. */
export const optionalText = z
  .unknown()
  .transform((value) => (typeof value === "string" && value !== "" ? value : undefined))
  .optional();

/** A code that some senders write as a number. */
export const optionalCode = z
  .unknown()
  .transform((value) => optionalText.parse(typeof value === "number" ? String(value) : value))
  .optional();

/** Epoch milliseconds, or text in a format that `Date` parses. Anything else counts as absent. */
export const optionalTime = z.union([z.number(), z.string()]).optional().catch(undefined);

/** An object. Anything else counts as absent, such as Okta's `debugData: ""`. */
export const optionalPart = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.looseObject(shape).optional().catch(undefined);

/** A list of objects. Items that aren't objects become undefined. Anything other than a list becomes an empty list. */
export const optionalParts = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.array(optionalPart(shape)).catch([]);

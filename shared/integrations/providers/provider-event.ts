import * as z from "zod";
import type { OriginFacts } from "../../events/origin-facts.ts";

/**
 * Types of our own for what identity providers report and this product does not do itself. Every provider's
 * events of the kind have the same type.
 */
export const PROVIDER_EVENT_TYPES = {
  /** Somebody changed the provider's configuration, its users or their rights, or read a secret. */
  admin: "admin_activity",
  /** The provider's limit of requests was reached, or is near. */
  limit: "rate_limited",
  /** A user or administrator let a client act for users. */
  consent: "consent_granted",
  /** The consent ended. */
  consentRevoked: "consent_revoked",
} as const;

/** A provider's event, translated to our terms. What the provider does not say is undefined. */
export interface ProviderEvent {
  /** The provider's own id of the event. It is the same when the event is delivered again. */
  readonly id?: string | undefined;
  /** The provider's own name or code for the event. */
  readonly code?: string | undefined;
  /** In any format that `Date` reads, or in epoch milliseconds. */
  readonly occurredAt?: string | number | undefined;
  /** Our type for the event. Without one, the type consists of the provider and the code. */
  readonly eventType?: string | undefined;
  readonly outcome?: "success" | "failure" | undefined;
  readonly reason?: string | undefined;
  readonly clientId?: string | undefined;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  /** What the provider says of the address. */
  readonly origin?: OriginFacts | undefined;
  readonly userAgent?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly message?: string | undefined;
  /** Stored in place of the detail, where the detail may contain secrets that have no name. */
  readonly original?: unknown;
}

/** Text. Anything else, and empty text, counts as absent: it costs its field and not the event. */
export const optionalText = z
  .unknown()
  .transform((value) => (typeof value === "string" && value !== "" ? value : undefined))
  .optional();

/** A code that some senders write as a number. */
export const optionalCode = z
  .unknown()
  .transform((value) => optionalText.parse(typeof value === "number" ? String(value) : value))
  .optional();

/** Text in a format that `Date` reads, or epoch milliseconds. Anything else counts as absent. */
export const optionalTime = z.union([z.number(), z.string()]).optional().catch(undefined);

/** An object. Anything else counts as absent, for example Okta's `debugData: ""`. */
export const optionalPart = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.looseObject(shape).optional().catch(undefined);

/** A list of objects. Members of another kind are undefined, and anything but a list is empty. */
export const optionalParts = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.array(optionalPart(shape)).catch([]);

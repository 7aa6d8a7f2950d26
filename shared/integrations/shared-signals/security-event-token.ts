import * as z from "zod";
import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { SECOND_MS } from "../../core/clock.ts";
import { readSubject, type Subject } from "./subject-identifier.ts";

/** Maximum length of a SET. About three times what API Gateway accepts in headers. */
export const MAX_SET_LENGTH = 32 * 1024;

/** Error codes for a rejected SET (RFC 8935, section 2.4). */
export type SetError =
  | "invalid_request"
  | "invalid_key"
  | "invalid_issuer"
  | "invalid_audience"
  | "authentication_failed"
  | "access_denied";

/** Why a SET is rejected. Contains no part of the SET. */
export interface SetRejection {
  readonly err: SetError;
  readonly description: string;
}

/** One event in a SET: its type's URI, its payload and its subject. */
export interface SetEvent {
  readonly uri: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly subject: Subject | undefined;
  /** The subject as sent. */
  readonly subjectJson: unknown;
}

/** A Security Event Token with verified signature and claims (RFC 8417). */
export interface SecurityEventToken {
  readonly issuer: string;
  readonly jti: string;
  readonly issuedAtMs: number;
  readonly transaction: string | undefined;
  readonly events: readonly SetEvent[];
}

const printable = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u);

/** The last second that a four-digit year can express. */
const numericDate = z.number().min(0).max(253_402_300_799);

/** The claims of a Shared Signals SET: no `exp`, no `sub` (section "Distinguishing SETs …"). */
const claimsSchema = z.looseObject({
  iss: z.string().min(1).max(512),
  jti: printable,
  iat: numericDate,
  aud: z.union([z.string(), z.array(z.string()).max(50)]),
  txn: printable.optional().catch(undefined),
  sub_id: z.unknown(),
  events: z
    .record(z.string().min(1).max(512), z.record(z.string(), z.unknown()))
    .refine((events) => {
      const count = Object.keys(events).length;
      return count > 0 && count <= 10;
    }),
  exp: z.undefined().optional(),
  sub: z.undefined().optional(),
});

const reject = (err: SetError, description: string): SetRejection => ({ err, description });

/** Error descriptions by claim, for the transmitter's log. */
const CLAIM_ERRORS: Readonly<Record<string, string>> = {
  iss: "iss must name the transmitter",
  jti: "jti must be a string of at most 256 characters",
  iat: "iat must be a time in seconds",
  aud: "aud must name the receiver",
  events: "events must be an object of 1 to 10 events",
  exp: "exp is not allowed in a SET (Shared Signals Framework 1.0)",
  sub: "sub is not allowed in a SET (Shared Signals Framework 1.0). Use sub_id",
};

/** Returns the subject of an event: `sub_id`, or the event's own `subject`, as in drafts of the framework. */
function parseSubject(subId: unknown, payload: Readonly<Record<string, unknown>>): unknown {
  return subId ?? payload.subject;
}

/**
 * Validates the claims of a SET whose signature is verified.
 *
 * @param atMs current time, epoch milliseconds
 */
export function readSetClaims(
  claims: Readonly<Record<string, unknown>>,
  transmitter: TransmitterConfig,
  atMs: number,
): SecurityEventToken | SetRejection {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0] ?? "");
    return reject("invalid_request", CLAIM_ERRORS[name] ?? "the claims of the SET are not valid");
  }
  const { iss, jti, iat, aud, txn, sub_id, events } = parsed.data;
  if (iss !== transmitter.issuer) return reject("invalid_issuer", "iss is unknown");
  const audiences = [aud].flat();
  if (!transmitter.audiences.some((each) => audiences.includes(each))) {
    return reject("invalid_audience", "aud does not name this receiver");
  }
  const issuedAtMs = Math.floor(iat * SECOND_MS);
  if (issuedAtMs > atMs + transmitter.clockSkewSeconds * SECOND_MS) {
    return reject("invalid_request", "iat is in the future");
  }
  if (issuedAtMs < atMs - transmitter.maxAgeSeconds * SECOND_MS) {
    return reject("invalid_request", "iat is too old");
  }
  const read = Object.entries(events).map(([uri, payload]): SetEvent => {
    const subjectJson = parseSubject(sub_id, payload);
    return { uri, payload, subjectJson, subject: readSubject(subjectJson) };
  });
  if (read.some(({ subject, subjectJson }) => subjectJson !== undefined && !subject)) {
    return reject("invalid_request", "the subject is not a subject identifier (RFC 9493)");
  }
  if (read.some(({ subjectJson }) => subjectJson === undefined)) {
    return reject("invalid_request", "sub_id must name the subject");
  }
  const tenants = read.flatMap(({ subject }) => getTenant(subject) ?? []);
  if (transmitter.tenants && tenants.some((tenant) => !transmitter.tenants?.includes(tenant))) {
    return reject("access_denied", "signals of this tenant are not accepted");
  }
  return { issuer: iss, jti, issuedAtMs, transaction: txn, events: read };
}

/** Returns the tenant ID from a complex subject. */
function getTenant(subject: Subject | undefined): string | undefined {
  const tenant = subject?.kind === "complex" ? subject.members.tenant : undefined;
  if (!tenant) return undefined;
  return String(tenant.id ?? tenant.sub ?? tenant.uri ?? tenant.url ?? "");
}

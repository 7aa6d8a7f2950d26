import * as z from "zod";
import { canonicalIp } from "./ip-address.ts";

/** An event type, for example `token_used`. */
export const eventTypeSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, "a lower-case letter, then at most 63 of a-z, 0-9 and _");

/** A UUID in its lower-case text form (RFC 9562). */
export const uuidSchema = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    "a UUID in lower case, version 7 preferred",
  );

export const MAX_IDENTIFIER_LENGTH = 256;

/** Text that UTF-8 can carry, without control characters; half a surrogate pair is no text. */
const TEXT = /^[^\p{Cc}\p{Cs}]+$/u;
const NOT_TEXT = "no control characters, and no half of a surrogate pair";

/** The id of an OAuth client or user: visible text of at most 256 characters (RFC 6749, appendix A.1). */
export const identifierSchema = z.string().min(1).max(MAX_IDENTIFIER_LENGTH).regex(TEXT, NOT_TEXT);

/** The address a call came from, as API Gateway or another producer gives it. */
export const ipSchema = z.string().min(1).max(64).regex(TEXT, NOT_TEXT).transform(canonicalIp);

/** Whether text is an id, as `identifierSchema` says, where many are looked at. */
export function isIdentifier(text: string): boolean {
  return text.length <= MAX_IDENTIFIER_LENGTH && TEXT.test(text);
}

const MAX_SCOPE_LENGTH = 128;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** One scope token (RFC 6749, section 3.3). */
export const scopeSchema = z
  .string()
  .max(MAX_SCOPE_LENGTH)
  .regex(SCOPE, "visible ASCII without space, quote or backslash");

/** Whether text is a scope token, as `scopeSchema` says, where many are looked at. */
export function isScope(text: string): boolean {
  return text.length <= MAX_SCOPE_LENGTH && SCOPE.test(text);
}

/**
 * Scopes, so many and with so many characters as `scope` has them (RFC 6749, section 3.3).
 *
 * @param advice what to do about too many characters
 */
export const scopeListSchema = (most: number, mostCharacters: number, advice: string) =>
  z
    .array(scopeSchema)
    .max(most)
    .refine((scopes) => scopes.join(" ").length <= mostCharacters, {
      error: `more than ${mostCharacters} characters of scopes: ${advice}`,
    });

/**
 * The scopes of a token or session: with all else that is said of a call, they fit into what API Gateway
 * takes of an authorizer.
 */
export const scopesSchema = scopeListSchema(100, 2048, "ask for fewer");

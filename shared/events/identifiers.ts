import * as z from "zod";
import { canonicalIp } from "./ip-address.ts";

/** An event type, such as `token_used`. */
export const eventTypeSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, "a lower-case letter, then at most 63 of a-z, 0-9 and _");

/** A UUID in lower-case text form (RFC 9562). */
export const uuidSchema = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    "a UUID in lower case, version 7 preferred",
  );

export const MAX_IDENTIFIER_LENGTH = 256;

/** Text without control characters or lone surrogates, which UTF-8 can't encode. */
const TEXT = /^[^\p{Cc}\p{Cs}]+$/u;
const NOT_TEXT = "text without control characters and lone surrogates";

/** ID of an OAuth client or user: visible text of at most 256 characters (RFC 6749, appendix A.1). */
export const identifierSchema = z.string().min(1).max(MAX_IDENTIFIER_LENGTH).regex(TEXT, NOT_TEXT);

/** The caller's address, as reported by API Gateway or another producer. */
export const ipSchema = z.string().min(1).max(64).regex(TEXT, NOT_TEXT).transform(canonicalIp);

/** Whether a text matches `identifierSchema`. Faster than the schema when there are many IDs. */
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

/** Whether a text matches `scopeSchema`. Faster than the schema when there are many scopes. */
export function isScope(text: string): boolean {
  return text.length <= MAX_SCOPE_LENGTH && SCOPE.test(text);
}

/**
 * Returns the schema for a list of scopes (RFC 6749, section 3.3), with a limit on their number and total length.
 *
 * @param advice how to fix a list that is too long
 */
export const scopeListSchema = (maxScopes: number, maxCharacters: number, advice: string) =>
  z
    .array(scopeSchema)
    .max(maxScopes)
    .refine((scopes) => scopes.join(" ").length <= maxCharacters, {
      error: `the scopes exceed ${maxCharacters} characters. ${advice}`,
    });

/** The scopes on a token or session. The maximum keeps the authorizer's response within API Gateway's size limit. */
export const scopesSchema = scopeListSchema(100, 2048, "Request fewer scopes");

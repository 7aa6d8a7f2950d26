import { createHash } from "node:crypto";
import * as z from "zod";
import { explain } from "../core/errors.ts";

/** Lone surrogates, which UTF-8 can't encode. */
const LONE_SURROGATE = /\p{Cs}/gu;

const OWN_TOKEN = /oam_[A-Za-z0-9_-]{20,}/g;

/** Characters of a JWS or JWE in compact form. */
const DOTTED = /[A-Za-z0-9_.-]+/g;

/** Start of a base64url-encoded JSON object that doesn't start with white space. */
const JWT_START = "eyJ";

/** Length of `{"alg":"x"}` in base64url, the shortest possible header. */
const SHORTEST_HEADER = 15;

/** Characters allowed in a bearer token (RFC 6750, section 2.1). */
const TOKEN = /[A-Za-z0-9._~+/-]+=*/g;

/** Minimum characters after a prefix. Fewer could be an ordinary word. */
const SHORTEST_REST = 16;

const LETTER_OR_DIGIT = /[A-Za-z0-9]/;

/** Maximum number of times a text is percent-decoded to find a secret. */
const MAX_DECODINGS = 3;

/** Returns the digest that is stored instead of a secret: `sha256:` and 64 hex digits. */
export function digestOfSecret(secret: string): string {
  return `sha256:${createHash("sha256").update(secret).digest("hex")}`;
}

/** Decodes percent-encoded ASCII characters and leaves everything else unchanged. */
export const percentDecoded = (text: string) =>
  text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );

/**
 * Redacts a text that may be percent-encoded up to three times. Tries the most decoded form first: in a less decoded
 * form, `redact` may recognise only the beginning of a partly encoded secret.
 *
 * @param redact removes secrets from a text, or returns the text unchanged if it contains no secret
 * @returns the redacted form, or the text unchanged if there was no secret
 */
export function redactDecoded(text: string, redact: (text: string) => string): string {
  const forms = [text];
  for (let times = 0; times < MAX_DECODINGS; times += 1) {
    const plain = percentDecoded(forms[0] as string);
    if (plain === forms[0]) break;
    forms.unshift(plain);
  }
  for (const form of forms) {
    const redacted = redact(form);
    if (redacted !== form) return redacted;
  }
  return text;
}

function withoutJwt(run: string): string {
  const start = run.indexOf(JWT_START);
  if (start < 0) return run;
  const token = run.slice(start);
  const [header = "", ...parts] = token.split(".");
  const isJwt = header.length >= SHORTEST_HEADER && parts.length >= 2;
  return isJwt ? run.slice(0, start) + digestOfSecret(token) : run;
}

const withoutPlainTokens = (text: string) =>
  text.replace(OWN_TOKEN, digestOfSecret).replace(DOTTED, withoutJwt);

/**
 * Replaces this product's tokens and all JWTs with their digests, even if percent-encoded, and lone surrogates with
 * U+FFFD.
 */
export function withoutTokens(text: string): string {
  return redactDecoded(text.replace(LONE_SURROGATE, "\uFFFD"), withoutPlainTokens);
}

/** Replaces every token that starts with one of the prefixes with `[secret]`. An empty prefix matches nothing. */
export function withoutPrefixed(text: string, prefixes: readonly string[]): string {
  if (prefixes.length === 0) return text;
  return text.replace(TOKEN, (run) => {
    const starts = prefixes
      .map((prefix) => (prefix === "" ? -1 : findStart(run, prefix)))
      .filter((start) => start >= 0);
    return starts.length === 0 ? run : `${run.slice(0, Math.min(...starts))}[secret]`;
  });
}

/** Returns the index at which a token with the prefix starts in a run of token characters, or -1. */
function findStart(run: string, prefix: string): number {
  let start = run.indexOf(prefix);
  while (start >= 0 && LETTER_OR_DIGIT.test(run.charAt(start - 1))) {
    start = run.indexOf(prefix, start + 1);
  }
  return run.length - start - prefix.length >= SHORTEST_REST ? start : -1;
}

/** Returns the beginning of a text in at most `bytes` bytes of UTF-8, without splitting a character. */
export function cutText(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  // In stream mode, the decoder holds back an incomplete last character.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoded.subarray(0, bytes), {
    stream: true,
  });
}

/** Maximum length of a reason. Needed because a rejected message may be megabytes long. */
export const MAX_REASON = 1024;

/**
 * Returns why a message isn't a valid event, for a log or message attribute. The reason contains none of this product's
 * tokens and at most 1,024 characters. For invalid JSON, it omits the parser's message, which quotes the text.
 *
 * @param error the parsing error. Rethrown unless it is a ZodError, SyntaxError or RangeError.
 */
export function getRejectionReason(error: unknown): string {
  if (error instanceof z.ZodError) return showable(explain(error));
  if (error instanceof SyntaxError) return "the message is not JSON";
  // Stack overflow: JSON.parse accepts any depth, JSON.stringify doesn't.
  if (error instanceof RangeError) return "the message is nested too deeply. Flatten it";
  throw error;
}

/** Makes a reason that quotes the message safe to show. */
export function showable(reason: string): string {
  return withoutTokens(reason)
    .slice(0, MAX_REASON)
    .replace(/\p{Cs}/gu, "");
}

import * as z from "zod";
import { cutText } from "./cut-text.ts";
import { digestOfSecret, withoutTokens } from "./redact-text.ts";

/** Free-form detail of an event: a JSON object that DynamoDB can hold as a map. */
export type EventData = Record<string, unknown>;

/** DynamoDB nests 32 levels deep; the item and `event_data` are two of them. */
const MAX_DEPTH = 28;
/** Keeps the item, copied to its indexes, far from DynamoDB's 400 KB. */
export const MAX_EVENT_DATA_BYTES = 128 * 1024;
/** Magnitudes a DynamoDB number can hold. */
const NUMBER_MAX = 9.9e125;
const NUMBER_MIN = 1e-130;

/** Keys whose values are secrets in OAuth messages (RFC 6749, 7009, 7636); only a digest is kept. */
const SECRET_KEYS = new Set([
  "access_token",
  "refresh_token",
  "id_token",
  "token",
  "authorization",
  "authorization_code",
  "code",
  "code_verifier",
  "client_secret",
  "client_assertion",
  "assertion",
  "password",
  "cookie",
  "set-cookie",
]);

/** Why a value cannot be stored, or undefined when it can. */
function obstacle(value: unknown, path: string, depth: number): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return undefined;
  if (typeof value === "number") {
    const magnitude = Math.abs(value);
    return value === 0 || (magnitude >= NUMBER_MIN && magnitude <= NUMBER_MAX)
      ? undefined
      : `${path} is a number that DynamoDB cannot hold: send it as text`;
  }
  if (typeof value !== "object") return `${path} is not JSON`;
  if (depth >= MAX_DEPTH) return `${path} is nested deeper than ${MAX_DEPTH} levels: flatten it`;
  for (const [key, member] of Object.entries(value)) {
    if (key === "" || key === "__proto__") return `${path} has a key "${key}": rename it`;
    const found = obstacle(member, `${path}.${key}`, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** What stands in place of a part that is nested too deeply. */
const TOO_DEEP = "(nested too deeply)";
/** DynamoDB's limit is 64 KB. A longer name is no name. */
const LONGEST_KEY = 1024;

/**
 * A copy of any JSON in which only what cannot be stored is different: a number that DynamoDB cannot hold is
 * text, a key that it cannot hold stands in parentheses or is cut, and what is nested too deeply is left out.
 *
 * @param depth how many levels of `event_data` are around the value
 */
export function storable(value: unknown, depth: number): unknown {
  if (typeof value === "number") return obstacle(value, "", depth) ? String(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return TOO_DEEP;
  if (Array.isArray(value)) return value.map((member) => storable(member, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key === "" || key === "__proto__" ? `(${key})` : key.slice(0, LONGEST_KEY),
      storable(member, depth + 1),
    ]),
  );
}

function isPlainObject(value: unknown): value is EventData {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `event_data` of the envelope. Kept as it is, so nothing a producer sends is lost on the way. */
export const eventDataSchema = z.unknown().transform((value, context): EventData => {
  const refuse = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (!isPlainObject(value)) return refuse("event_data must be a JSON object");
  const found = obstacle(value, "event_data", 0);
  if (found) return refuse(found);
  return value;
});

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** @param secret whether the value lies under the key of a secret, at whatever depth */
function redact(value: unknown, secret: boolean): unknown {
  if (typeof value === "string") {
    return secret && value !== "" && !DIGEST.test(value)
      ? digestOfSecret(value)
      : withoutTokens(value);
  }
  if (Array.isArray(value)) return value.map((member) => redact(member, secret));
  return isPlainObject(value) ? withoutSecrets(value, secret) : value;
}

/** A copy in which every secret (by its key, or by our own token's form) is replaced by its digest. */
export function withoutSecrets(data: EventData, secret = false): EventData {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      withoutTokens(key),
      redact(value, secret || SECRET_KEYS.has(key.toLowerCase())),
    ]),
  );
}

/** Members that say who did what, and what the statistics count. They go last when an event is too large. */
const IDENTIFYING: ReadonlySet<string> = new Set([
  ...["token_id", "session_id", "issuer", "ip", "origin", "request_id", "trace_id", "action_id"],
  ...["endpoint", "route", "method", "user_agent", "reason", "message", "alert_id", "rule"],
  ...["issued_at", "expires_at", "grant_type", "previous_use", "success", "outcome"],
  ...["provider", "provider_event_id", "provider_event_type"],
]);

/** Bytes that remain of a long text. */
const CUT_TEXT_BYTES = 1024;
/** Names of shortened members that an event lists, and the length of each. */
const MOST_NAMES = 10;
const LONGEST_NAME = 64;
/** Room for the mark of a shortened event. */
const MARK_BYTES = 4096;

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/**
 * Shortens event data that has more bytes than an event may have: cuts long texts, and leaves out the largest members
 * until the rest fits. `truncated` then says how large the data was and names the members.
 */
export function fitEventData(data: EventData): EventData {
  const bytes = bytesOf(data);
  if (bytes <= MAX_EVENT_DATA_BYTES) return data;
  const members = Object.entries(data).map(([name, value]) => {
    const kept = typeof value === "string" ? cutText(value, CUT_TEXT_BYTES) : value;
    return { name, value, kept, bytes: bytesOf([name, kept]), identifies: IDENTIFYING.has(name) };
  });
  members.sort((a, b) => Number(b.identifies) - Number(a.identifies) || a.bytes - b.bytes);
  const fitting: (readonly [string, unknown])[] = [];
  const shortened: string[] = [];
  let room = MAX_EVENT_DATA_BYTES - MARK_BYTES;
  for (const { name, value, kept, bytes: size } of members) {
    const fits = size <= room;
    if (fits) {
      fitting.push([name, kept]);
      room -= size;
    }
    if (!fits || kept !== value) shortened.push(cutText(name, LONGEST_NAME));
  }
  return {
    ...Object.fromEntries(fitting),
    truncated: {
      bytes,
      members: shortened.slice(0, MOST_NAMES),
      ...(shortened.length > MOST_NAMES && { more: shortened.length - MOST_NAMES }),
    },
  };
}

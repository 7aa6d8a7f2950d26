import * as z from "zod";
import { cutText, digestOfSecret, withoutTokens } from "./redact-text.ts";

/** Free-form event details: a JSON object that DynamoDB can store as a map. */
export type EventData = Record<string, unknown>;

/** DynamoDB allows 32 levels of nesting. The item and `event_data` use two of them. */
const MAX_DEPTH = 28;
/** Keeps an item, including its index copies, far below DynamoDB's limit of 400 KB. */
export const MAX_EVENT_DATA_BYTES = 128 * 1024;
/** Range of magnitudes that DynamoDB numbers support. */
const NUMBER_MAX = 9.9e125;
const NUMBER_MIN = 1e-130;

/** Keys with secret values in OAuth messages (RFC 6749, 7009, 7636). Only a digest of the value is stored. */
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

/** Returns why a value can't be stored, or undefined if it can. */
function obstacle(value: unknown, path: string, depth: number): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return undefined;
  if (typeof value === "number") {
    const magnitude = Math.abs(value);
    return value === 0 || (magnitude >= NUMBER_MIN && magnitude <= NUMBER_MAX)
      ? undefined
      : `${path} is a number that DynamoDB cannot store. Send it as text`;
  }
  if (typeof value !== "object") return `${path} is not JSON`;
  if (depth >= MAX_DEPTH) return `${path} is nested deeper than ${MAX_DEPTH} levels. Flatten it`;
  for (const [key, member] of Object.entries(value)) {
    if (key === "" || key === "__proto__")
      return `${path} has the unsupported key "${key}". Rename it`;
    const found = obstacle(member, `${path}.${key}`, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** Replacement for a value that is nested too deeply. */
const TOO_DEEP = "(nested too deeply)";
/** Maximum length of a key. DynamoDB's limit is 64 KB. */
const LONGEST_KEY = 1024;

/**
 * Returns a copy that DynamoDB can store. Converts unsupported numbers to text, wraps unsupported keys in
 * parentheses, cuts long keys, and replaces values that are nested too deeply.
 *
 * @param depth nesting level of the value within `event_data`
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

export function isPlainObject(value: unknown): value is EventData {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `event_data` of the envelope. Unknown members are kept. */
export const eventDataSchema = z.unknown().transform((value, context): EventData => {
  const reject = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (!isPlainObject(value)) return reject("event_data must be a JSON object");
  const found = obstacle(value, "event_data", 0);
  if (found) return reject(found);
  return value;
});

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** @param secret whether the value is nested under a secret key, at any depth */
function redact(value: unknown, secret: boolean): unknown {
  if (typeof value === "string") {
    return secret && value !== "" && !DIGEST.test(value)
      ? digestOfSecret(value)
      : withoutTokens(value);
  }
  if (Array.isArray(value)) return value.map((member) => redact(member, secret));
  return isPlainObject(value) ? withoutSecrets(value, secret) : value;
}

/**
 * Returns a copy in which a digest replaces every secret. A value counts as secret because of its key, or because it
 * has the format of this product's tokens.
 */
export function withoutSecrets(data: EventData, secret = false): EventData {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      withoutTokens(key),
      redact(value, secret || SECRET_KEYS.has(key.toLowerCase())),
    ]),
  );
}

/** Members that identify the event or that statistics count. An oversized event drops them last. */
const IDENTIFYING: ReadonlySet<string> = new Set([
  "token_id",
  "session_id",
  "issuer",
  "ip",
  "geo",
  "autonomous_system",
  "network_type",
  "request_id",
  "trace_id",
  "action_id",
  "endpoint",
  "route",
  "method",
  "user_agent",
  "reason",
  "message",
  "alert_id",
  "rule",
  "issued_at",
  "expires_at",
  "grant_type",
  "previous_use",
  "success",
  "outcome",
  "provider",
  "provider_event_id",
  "provider_event_type",
]);

/** Bytes to keep from a long text. */
const CUT_TEXT_BYTES = 1024;
/** Maximum number of names in `truncated`, and the maximum length of each name. */
const MAX_NAMES = 10;
const LONGEST_NAME = 64;
/** Bytes reserved for `truncated`. */
const MARK_BYTES = 4096;

const getByteLength = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/**
 * Shortens event data that exceeds the size limit: cuts long texts, then removes the largest members until
 * the rest fits. `truncated` records the original size and the names of the shortened members.
 */
export function fitEventData(data: EventData): EventData {
  const bytes = getByteLength(data);
  if (bytes <= MAX_EVENT_DATA_BYTES) return data;
  const members = Object.entries(data).map(([name, value]) => {
    const cutValue = typeof value === "string" ? cutText(value, CUT_TEXT_BYTES) : value;
    return {
      name,
      value,
      cutValue,
      bytes: getByteLength([name, cutValue]),
      identifies: IDENTIFYING.has(name),
    };
  });
  members.sort((a, b) => Number(b.identifies) - Number(a.identifies) || a.bytes - b.bytes);
  const fitting: (readonly [string, unknown])[] = [];
  const shortened: string[] = [];
  let room = MAX_EVENT_DATA_BYTES - MARK_BYTES;
  for (const { name, value, cutValue, bytes: size } of members) {
    const fits = size <= room;
    if (fits) {
      fitting.push([name, cutValue]);
      room -= size;
    }
    if (!fits || cutValue !== value) shortened.push(cutText(name, LONGEST_NAME));
  }
  return {
    ...Object.fromEntries(fitting),
    truncated: {
      bytes,
      members: shortened.slice(0, MAX_NAMES),
      ...(shortened.length > MAX_NAMES && { more: shortened.length - MAX_NAMES }),
    },
  };
}

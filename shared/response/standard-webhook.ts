import { createHmac, timingSafeEqual } from "node:crypto";
import { SECOND_MS } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/errors.ts";

const PREFIX = "whsec_";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Thrown if a secret isn't in the Standard Webhooks format. */
export class InvalidWebhookSecretError extends OAuthMonitoringError {
  override readonly name = "InvalidWebhookSecretError";

  constructor() {
    super("the webhook's secret must be whsec_ followed by 24 to 64 bytes in base64");
  }
}

/** @throws InvalidWebhookSecretError if the secret isn't in the Standard Webhooks format */
function decodeKey(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  const key = Buffer.from(text, "base64");
  if (!BASE64.test(text) || key.length < 24 || key.length > 64) {
    throw new InvalidWebhookSecretError();
  }
  return key;
}

/** Returns a message's HMAC-SHA256 signature over its ID, time and body, joined by full stops. */
function sign(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac("sha256", decodeKey(secret))
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest();
}

/**
 * Returns the headers that authenticate a webhook, using the symmetric scheme from Standard Webhooks 1.0.
 * https://www.standardwebhooks.com
 *
 * @param secrets the current secret, and the previous one during a rotation
 * @param message its `id` is the same for every attempt and contains no full stop
 * @throws InvalidWebhookSecretError if a secret isn't in the Standard Webhooks format
 */
export function signWebhook(
  secrets: readonly string[],
  {
    id,
    sentAtSeconds,
    body,
  }: { readonly id: string; readonly sentAtSeconds: number; readonly body: string },
): Readonly<Record<string, string>> {
  const signatures = secrets.map(
    (secret) => `v1,${sign(secret, id, String(sentAtSeconds), body).toString("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(sentAtSeconds),
    "webhook-signature": signatures.join(" "),
  };
}

/** A received webhook: its headers and its raw body. */
export interface ReceivedWebhook {
  /** Returns a header's value if the header was sent exactly once. The name is in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** When the webhook was signed, or why it was rejected. */
export type WebhookVerdict = { readonly signedAtMs: number } | { readonly rejection: string };

/** Epoch seconds. */
const TIMESTAMP = /^\d{1,12}$/;

/**
 * Verifies that a webhook was signed with one of the secrets and that its timestamp is recent, according to Standard
 * Webhooks 1.0. Compares signatures in constant time.
 *
 * @param secrets all valid secrets
 * @param limits the current time (`nowMs`, epoch milliseconds) and how far the webhook's timestamp may differ from it
 * @throws InvalidWebhookSecretError if a secret isn't in the Standard Webhooks format
 */
export function verifyWebhook(
  secrets: readonly string[],
  { header, body }: ReceivedWebhook,
  { nowMs, toleranceSeconds }: { readonly nowMs: number; readonly toleranceSeconds: number },
): WebhookVerdict {
  const [id, timestamp, signature] = ["id", "timestamp", "signature"].map((name) =>
    header(`webhook-${name}`),
  );
  if (!id || !timestamp || !signature) {
    return {
      rejection:
        "webhook-id, webhook-timestamp and webhook-signature are required, each exactly once",
    };
  }
  if (!TIMESTAMP.test(timestamp)) return { rejection: "webhook-timestamp is not in epoch seconds" };
  const signatures = signature
    .split(" ")
    .filter((each) => each.startsWith("v1,"))
    .map((each) => Buffer.from(each.slice(3), "base64"));
  const isSigned = secrets
    .map((secret) => sign(secret, id, timestamp, body))
    .some((expected) =>
      signatures.some((each) => each.length === expected.length && timingSafeEqual(each, expected)),
    );
  if (!isSigned) return { rejection: "no signature in webhook-signature is valid" };
  const signedAtMs = Number(timestamp) * SECOND_MS;
  // A replayed webhook also has a valid signature. Only the timestamp reveals the replay.
  return Math.abs(nowMs - signedAtMs) <= toleranceSeconds * SECOND_MS
    ? { signedAtMs }
    : {
        rejection: `webhook-timestamp differs from the server's time by more than ${toleranceSeconds} seconds`,
      };
}

import { createHmac, timingSafeEqual } from "node:crypto";
import { SECOND_MS } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";

const PREFIX = "whsec_";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A secret is none of Standard Webhooks. */
export class InvalidWebhookSecretError extends OAuthMonitoringError {
  override readonly name = "InvalidWebhookSecretError";

  constructor() {
    super("the webhook's secret must be whsec_ and the base64 of 24 to 64 bytes");
  }
}

/** @throws InvalidWebhookSecretError when the secret has another form */
function keyOf(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  const key = Buffer.from(text, "base64");
  if (!BASE64.test(text) || key.length < 24 || key.length > 64) {
    throw new InvalidWebhookSecretError();
  }
  return key;
}

/** The signature of a message: the HMAC-SHA256 of its id, time and body, with full stops between them. */
function sign(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest();
}

/**
 * The headers by which a receiver knows that a webhook is ours, and this very one: the symmetric scheme of Standard
 * Webhooks 1.0. https://www.standardwebhooks.com
 *
 * @param id the same for every attempt; without a full stop
 * @param secrets the present one, and one of before during a rotation
 * @throws InvalidWebhookSecretError when a secret has another form
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

/** A webhook of somebody else: its headers and its body, byte for byte. */
export interface ReceivedWebhook {
  /** The value of a header that was sent once; the name is in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** When a webhook was signed, or why it is not believed. */
export type WebhookVerdict = { readonly signedAtMs: number } | { readonly refusal: string };

/** Epoch seconds. */
const TIMESTAMP = /^\d{1,12}$/;

/**
 * Whether a webhook is signed by one of the secrets, as Standard Webhooks 1.0 has it, at about this time. Signatures
 * are compared in the same time, however much of one is right.
 *
 * @param secrets all that count, of which one must have signed
 * @param limits `nowMs` in epoch milliseconds, and by how many seconds the webhook's time may differ from it
 * @throws InvalidWebhookSecretError when a secret has another form
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
    return { refusal: "it needs webhook-id, webhook-timestamp and webhook-signature, each once" };
  }
  if (!TIMESTAMP.test(timestamp)) return { refusal: "webhook-timestamp is not in epoch seconds" };
  const given = signature
    .split(" ")
    .filter((each) => each.startsWith("v1,"))
    .map((each) => Buffer.from(each.slice(3), "base64"));
  const isSigned = secrets
    .map((secret) => sign(secret, id, timestamp, body))
    .some((expected) =>
      given.some((each) => each.length === expected.length && timingSafeEqual(each, expected)),
    );
  if (!isSigned) return { refusal: "no signature in webhook-signature is right" };
  const signedAtMs = Number(timestamp) * SECOND_MS;
  // A replay is signed as well, so only its time tells.
  return Math.abs(nowMs - signedAtMs) <= toleranceSeconds * SECOND_MS
    ? { signedAtMs }
    : {
        refusal: `webhook-timestamp differs from our time by more than ${toleranceSeconds} seconds`,
      };
}

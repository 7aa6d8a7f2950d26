import { createHmac } from "node:crypto";
import { OAuthMonitoringError } from "../errors/oauth-monitoring-error.ts";

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
  const signed = `${id}.${sentAtSeconds}.${body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac("sha256", keyOf(secret)).update(signed).digest("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(sentAtSeconds),
    "webhook-signature": signatures.join(" "),
  };
}

import * as z from "zod";
import type { WebhookConfig } from "../config/notification-parameters.ts";
import { SECOND_MS } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/errors.ts";
import { askIssuer } from "../token-verifiers/fetch-document.ts";
import { type Notice, webhookBody } from "./notice.ts";
import { signWebhook } from "./standard-webhook.ts";

/**
 * Thrown if a webhook call fails or the webhook's secret is invalid. The message never contains any part of the secret.
 */
export class WebhookError extends OAuthMonitoringError {
  override readonly name = "WebhookError";
}

/** The content of a webhook's secret in Secrets Manager. */
const targetSchema = z.object({
  url: z.string().refine((url) => {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname } = new URL(url);
    return protocol === "https:" || (protocol === "http:" && hostname === "127.0.0.1");
  }),
  secret: z.string().optional(),
  /** The previous secret. During a rotation, receivers accept either one. */
  previous_secret: z.string().optional(),
});

const LIMITS = { timeoutMs: 15_000, maxBytes: 64 * 1024 };

/** @throws WebhookError if the secret is not JSON with a valid URL */
function readTarget({ name }: WebhookConfig, secretText: string) {
  try {
    return targetSchema.parse(JSON.parse(secretText));
  } catch {
    throw new WebhookError(
      `the secret of the webhook ${name} must be {"url": "https://…", "secret": "whsec_…"}`,
    );
  }
}

/**
 * Sends a notification to a webhook. Doesn't retry.
 *
 * @param secretText the webhook's secret, as JSON
 * @param nowMs epoch milliseconds
 * @throws WebhookError if the receiver doesn't accept the notification
 * @throws InvalidWebhookSecretError if the secret can't be used to sign
 */
export async function sendWebhook(
  webhook: WebhookConfig,
  secretText: string,
  notice: Notice,
  nowMs: number,
): Promise<void> {
  const { url, secret, previous_secret } = readTarget(webhook, secretText);
  const body = webhookBody(notice, webhook.format);
  if (secret === undefined && webhook.format === "standard") {
    throw new WebhookError(
      `the secret of webhook ${webhook.name} has no member "secret". Add the key that signs its messages`,
    );
  }
  const secrets = [secret, previous_secret].flatMap((each) => each ?? []);
  const signature =
    secrets.length > 0
      ? signWebhook(secrets, {
          id: notice.id,
          sentAtSeconds: Math.floor(nowMs / SECOND_MS),
          body,
        })
      : {};
  const answer = await askIssuer(
    url,
    { method: "POST", headers: { "content-type": "application/json", ...signature }, body },
    LIMITS,
  ).catch(() => undefined);
  // The URL may be secret, so include neither the URL nor the original error, which contains the URL.
  if (!answer) throw new WebhookError(`the webhook ${webhook.name} did not respond`);
  if (answer.status < 200 || answer.status > 299) {
    throw new WebhookError(`the webhook ${webhook.name} responded with status ${answer.status}`);
  }
}

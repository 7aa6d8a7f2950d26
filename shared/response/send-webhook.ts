import * as z from "zod";
import type { WebhookConfig } from "../config/notification-parameters.ts";
import { SECOND_MS } from "../core/clock.ts";
import { OAuthMonitoringError } from "../core/oauth-monitoring-error.ts";
import { askIssuer } from "../token-verifiers/fetch-document.ts";
import type { Notice } from "./notice.ts";
import { signWebhook } from "./standard-webhook.ts";
import { webhookBody } from "./webhook-body.ts";

/** A webhook was not taken, or its secret is not as it must be. Nothing of the secret is repeated. */
export class WebhookError extends OAuthMonitoringError {
  override readonly name = "WebhookError";
}

/** What the secret of a webhook says. */
const targetSchema = z.object({
  url: z.string().refine((url) => {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname } = new URL(url);
    return protocol === "https:" || (protocol === "http:" && hostname === "127.0.0.1");
  }),
  secret: z.string().optional(),
  /** The secret of before: receivers take either during a rotation. */
  previous_secret: z.string().optional(),
});

const LIMITS = { timeoutMs: 15_000, maxBytes: 64 * 1024 };

/** @throws WebhookError when the secret is no JSON with an address */
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
 * Calls a webhook about a notice, once.
 *
 * @param secretText the text of the webhook's secret
 * @param nowMs epoch milliseconds
 * @throws WebhookError when the receiver does not take it; InvalidWebhookSecretError when the secret cannot sign
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
      `the secret of the webhook ${webhook.name} has no "secret" to sign with`,
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
  // The address may be a secret: neither it nor the fault, which quotes it, is repeated.
  if (!answer) throw new WebhookError(`the webhook ${webhook.name} does not answer`);
  if (answer.status < 200 || answer.status > 299) {
    throw new WebhookError(`the webhook ${webhook.name} answers with status ${answer.status}`);
  }
}

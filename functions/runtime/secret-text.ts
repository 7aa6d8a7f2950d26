import { MINUTE_MS, systemClock } from "../../shared/core/clock.ts";
import { readSecret } from "../../shared/token-verifiers/secrets-manager.ts";

/** A changed secret takes effect within this time. */
const CACHE_MS = 5 * MINUTE_MS;

const cache = new Map<string, { readonly text: Promise<string>; readonly untilMs: number }>();

/**
 * Returns the text of a secret in Secrets Manager, cached for five minutes.
 *
 * @throws the errors of `readSecret`
 */
export function secretText(arn: string): Promise<string> {
  const cached = cache.get(arn);
  if (cached && systemClock() < cached.untilMs) return cached.text;
  const text = readSecret(arn).then((secret) => secret.trim());
  cache.set(arn, { text, untilMs: systemClock() + CACHE_MS });
  // The next call retries.
  text.catch(() => cache.delete(arn));
  return text;
}

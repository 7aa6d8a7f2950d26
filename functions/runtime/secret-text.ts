import { MINUTE_MS, systemClock } from "../../shared/core/clock.ts";
import { readSecret } from "../../shared/token-verifiers/secrets-manager.ts";

/** A changed secret takes effect within this time. */
const KEPT_MS = 5 * MINUTE_MS;

const kept = new Map<string, { readonly text: Promise<string>; readonly untilMs: number }>();

/**
 * Returns the text of a secret in Secrets Manager, cached for five minutes.
 *
 * @throws the errors of `readSecret`
 */
export function secretText(arn: string): Promise<string> {
  const found = kept.get(arn);
  if (found && systemClock() < found.untilMs) return found.text;
  const text = readSecret(arn).then((secret) => secret.trim());
  kept.set(arn, { text, untilMs: systemClock() + KEPT_MS });
  // The next call retries.
  text.catch(() => kept.delete(arn));
  return text;
}

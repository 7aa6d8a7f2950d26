import { MINUTE_MS, systemClock } from "../../shared/core/clock.ts";
import { readSecret } from "../../shared/token-verifiers/secrets-manager.ts";

/** A new secret counts after so long at the latest. */
const KEPT_MS = 5 * MINUTE_MS;

const kept = new Map<string, { readonly text: Promise<string>; readonly untilMs: number }>();

/**
 * The text of a secret in Secrets Manager, kept in memory for five minutes.
 *
 * @throws what `readSecret` throws
 */
export function secretText(arn: string): Promise<string> {
  const found = kept.get(arn);
  if (found && systemClock() < found.untilMs) return found.text;
  const text = readSecret(arn).then((secret) => secret.trim());
  kept.set(arn, { text, untilMs: systemClock() + KEPT_MS });
  // The next call asks again.
  text.catch(() => kept.delete(arn));
  return text;
}

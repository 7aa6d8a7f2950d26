import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a credential equals the expected one. Compares in constant time. */
export function isSameText(given: string | undefined, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(expected));
}

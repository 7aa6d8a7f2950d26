import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a credential is the expected one. It takes the same time, however much of it is right. */
export function isSameText(given: string | undefined, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(expected));
}

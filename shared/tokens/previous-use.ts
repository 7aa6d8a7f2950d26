import * as z from "zod";
import type { AccessToken } from "./access-token.ts";

/** The time and address of a token's previous use, or null for the first use. */
export const previousUseSchema = z.object({ at: z.string(), ip: z.string() }).nullable();

/**
 * Returns the previous use for a `token_used` event. Detection uses it to find a change of network or a long idle time.
 * Producers that don't know the previous use omit it.
 */
export function previousUse(token: Pick<AccessToken, "last_used_at" | "last_used_ip">): {
  readonly previous_use: z.output<typeof previousUseSchema>;
} {
  const { last_used_at: at, last_used_ip: ip } = token;
  return { previous_use: at === undefined || ip === undefined ? null : { at, ip } };
}

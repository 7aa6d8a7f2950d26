import * as z from "zod";
import type { AccessToken } from "./access-token.ts";

/** When and from where a token was used the time before; null at its first use. */
export const previousUseSchema = z.object({ at: z.string(), ip: z.string() }).nullable();

/**
 * What `token_used` says of the use before: with it a change of network and a long rest are seen in the
 * event alone. A producer that does not know leaves it out.
 */
export function previousUse(token: Pick<AccessToken, "last_used_at" | "last_used_ip">): {
  readonly previous_use: z.output<typeof previousUseSchema>;
} {
  const { last_used_at: at, last_used_ip: ip } = token;
  return { previous_use: at === undefined || ip === undefined ? null : { at, ip } };
}

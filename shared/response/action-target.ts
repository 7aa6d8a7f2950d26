import { isIP } from "node:net";
import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";
import { canonicalIp } from "../events/ip-address.ts";
import { ipBlockSchema } from "../events/ip-block.ts";

const addressSchema = z
  .string()
  .max(64)
  .transform(canonicalIp)
  .refine((ip) => isIP(ip) !== 0, "an IPv4 or IPv6 address");

/**
 * Against whom an action is taken, by the id that events have:
 * - `token`: its public id
 * - `user`, `client`: its id, with the `idPrefix` of its issuer
 * - `session`: the `session_id` of events, one of the product or of another issuer
 * - `address`: an IPv4 or IPv6 address
 * - `network`: a block of addresses in CIDR form, `203.0.113.0/24`
 * - `all`: everybody. Only a revocation of what was issued; everybody cannot be blocked
 */
export const actionTargetSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("token"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("user"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("client"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("session"), id: identifierSchema }),
  z.strictObject({ kind: z.literal("address"), id: addressSchema }),
  z.strictObject({ kind: z.literal("network"), id: ipBlockSchema }),
  z.strictObject({ kind: z.literal("all"), id: z.literal("all").default("all") }),
]);

/** Against whom an action is. */
export type ActionTarget = z.output<typeof actionTargetSchema>;

/** `user ada`, for people. */
export function describeTarget({
  kind,
  id,
}: {
  readonly kind: string;
  readonly id: string;
}): string {
  return kind === "all" ? "everybody" : `${kind} ${id}`;
}

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
 * The target of an action, with the ID that events use:
 * - `token`: public token ID
 * - `user`, `client`: ID, including the issuer's `idPrefix`
 * - `session`: the `session_id` from events, for a session of this product or another issuer
 * - `address`: IPv4 or IPv6 address
 * - `network`: address block in CIDR notation, such as `203.0.113.0/24`
 * - `all`: every principal. Can be revoked, but not blocked
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

/** The target of an action. */
export type ActionTarget = z.output<typeof actionTargetSchema>;

/** Returns the target as readable text, such as `user ada`. */
export function describeTarget({
  kind,
  id,
}: {
  readonly kind: string;
  readonly id: string;
}): string {
  return kind === "all" ? "all principals" : `${kind} ${id}`;
}

import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { canonicalIp, withoutPort } from "../../shared/events/ip-address.ts";
import type { FieldValues } from "./caller-fields.ts";

/** How the address of a caller behind proxies is found. */
export type ClientAddressSettings = MonitoringConfig["clientAddress"];

/** The address of a call whose source does not tell it. */
export const UNKNOWN_ADDRESS = "unknown";

/** The addresses in `X-Forwarded-For`, in the order in which proxies added them, without ports. */
export function forwardedFor(fields: FieldValues): string[] {
  return fields("x-forwarded-for")
    .join(",")
    .split(",")
    .map((text) => withoutPort(text.trim()))
    .filter(Boolean);
}

function hasSecret({ secretHeader }: ClientAddressSettings, fields: FieldValues): boolean {
  if (!secretHeader) return true;
  const values = fields(secretHeader.name.toLowerCase());
  const digest = createHash("sha256").update(values.join(",")).digest();
  return timingSafeEqual(digest, Buffer.from(secretHeader.sha256, "hex"));
}

/**
 * Returns the address of a caller: the one that the first trusted proxy saw.
 *
 * @param connected the address that called the server
 */
export function clientAddress(
  connected: string,
  fields: FieldValues,
  settings: ClientAddressSettings,
): string {
  return addressIn(forwardedFor(fields), connected, fields, settings);
}

/**
 * Returns the address of a caller in front of a gateway or load balancer, which adds the address that called it to
 * `X-Forwarded-For`.
 *
 * @param sourceIp the address that called the gateway, if its event tells it
 */
export function clientAddressAtGateway(
  sourceIp: string | undefined,
  fields: FieldValues,
  settings: ClientAddressSettings,
): string {
  const chain = forwardedFor(fields);
  const last = canonicalIp(chain.at(-1) ?? "");
  const connected = canonicalIp(sourceIp ?? last) || UNKNOWN_ADDRESS;
  return addressIn(last === connected ? chain.slice(0, -1) : chain, connected, fields, settings);
}

function addressIn(
  chain: readonly string[],
  connected: string,
  fields: FieldValues,
  settings: ClientAddressSettings,
): string {
  const { trustedProxies } = settings;
  const isTrusted = trustedProxies > 0 && hasSecret(settings, fields);
  const address = isTrusted ? (chain.at(-trustedProxies) ?? "") : "";
  return canonicalIp(isIP(address) === 0 ? connected : address);
}

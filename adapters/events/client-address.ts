import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { canonicalIp, withoutPort } from "../../shared/events/ip-address.ts";
import type { FieldValues } from "./header-fields.ts";

/** The settings that determine the client address behind proxies. */
export type ClientAddressSettings = MonitoringConfig["clientAddress"];

/** Placeholder for an event without a client address. */
export const UNKNOWN_ADDRESS = "unknown";

/** Returns the addresses in `X-Forwarded-For`, without ports, in the order in which proxies added them. */
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
 * Returns the client address as seen by the outermost trusted proxy.
 *
 * @param connected address of the TCP connection
 */
export function clientAddress(
  connected: string,
  fields: FieldValues,
  settings: ClientAddressSettings,
): string {
  return addressIn(forwardedFor(fields), connected, fields, settings);
}

/**
 * Returns the client address behind a gateway or load balancer that appends its peer's address to
 * `X-Forwarded-For`.
 *
 * @param sourceIp address of the gateway's peer, if the event contains it
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

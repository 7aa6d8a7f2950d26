/** The device grant (RFC 8628, section 3.4), under the names that providers use. */
const DEVICE_GRANTS: ReadonlySet<string> = new Set([
  "urn:ietf:params:oauth:grant-type:device_code",
  "device_code",
  // Auth0's log code.
  "sede",
]);

/** Whether an event is about a token issued for a device code. */
export function isDeviceGrant(data: Readonly<Record<string, unknown>>): boolean {
  return [data.grant_type, data.provider_event_type].some(
    (value) => typeof value === "string" && DEVICE_GRANTS.has(value),
  );
}

/** Returns the `type` of a problem document (RFC 9457, section 3.1.1) with this title. */
export function problemType(title: string): string {
  return `urn:oauth-monitoring:problem:${title.toLowerCase().replaceAll(" ", "-")}`;
}

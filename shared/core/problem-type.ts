/** Returns the problem `type` (RFC 9457, section 3.1.1) for a title. */
export function problemType(title: string): string {
  return `urn:oauth-monitoring:problem:${title.toLowerCase().replaceAll(" ", "-")}`;
}

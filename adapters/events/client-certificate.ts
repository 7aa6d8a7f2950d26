/**
 * Returns the client certificate that a load balancer passes in a header as percent-encoded PEM. Returns undefined
 * if the header isn't valid.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html
 */
export function certificateOfHeader(values: readonly string[]): string | undefined {
  const [value] = values;
  if (value === undefined || values.length > 1) return undefined;
  try {
    const pem = decodeURIComponent(value);
    return pem.includes("-----BEGIN CERTIFICATE-----") ? pem : undefined;
  } catch {
    return undefined;
  }
}

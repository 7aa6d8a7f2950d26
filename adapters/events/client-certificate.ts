/**
 * The certificate that a load balancer put into a header: PEM, percent-encoded. What is no such text counts as
 * no certificate.
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

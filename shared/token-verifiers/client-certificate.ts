import { createHash, X509Certificate } from "node:crypto";
import type { CertificateRefusal } from "./possession.ts";

/**
 * Checks that a token is bound to the call's client certificate (RFC 8705, section 3). The TLS endpoint has already
 * validated the certificate.
 *
 * @param certificate in PEM, as API Gateway provides it
 * @returns why the call is denied, or undefined if the certificate matches
 */
export function checkClientCertificate(
  certificate: string | undefined,
  thumbprint: string,
): CertificateRefusal | undefined {
  if (!certificate) return "missing_client_certificate";
  try {
    const { raw } = new X509Certificate(certificate);
    const found = createHash("sha256").update(raw).digest("base64url");
    return found === thumbprint ? undefined : "wrong_client_certificate";
  } catch {
    return "wrong_client_certificate";
  }
}

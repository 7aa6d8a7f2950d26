import { createHash, X509Certificate } from "node:crypto";
import type { CertificateRefusal } from "./possession.ts";

/**
 * Checks that a token is bound to the certificate of the call's mutual TLS (RFC 8705, section 3). Whoever ended TLS
 * has checked the certificate itself.
 *
 * @param certificate in PEM, as API Gateway hands it over
 * @returns why it is refused; undefined when it is not
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

import { createHash, X509Certificate } from "node:crypto";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { VerifiedToken } from "../tokens/access-token.ts";
import type { DpopNonces } from "./dpop-nonces.ts";
import { checkDpopProof } from "./dpop-proof.ts";
import type {
  CertificateRejection,
  PossessionEvidence,
  PossessionRejection,
  ProvenPossession,
} from "./rejections.ts";

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
): CertificateRejection | undefined {
  if (!certificate) return "missing_client_certificate";
  try {
    const { raw } = new X509Certificate(certificate);
    const found = createHash("sha256").update(raw).digest("base64url");
    return found === thumbprint ? undefined : "wrong_client_certificate";
  } catch {
    return "wrong_client_certificate";
  }
}

/** Verifies that a caller holds the keys that a token is bound to, through DPoP (RFC 9449) or mutual TLS (RFC 8705). */
export async function provePossession(
  { confirmation }: VerifiedToken,
  evidence: PossessionEvidence,
  dpop: MonitoringConfig["dpop"],
  atMs: number,
  nonces?: DpopNonces,
): Promise<ProvenPossession | PossessionRejection> {
  const { keyThumbprint, certificateThumbprint } = confirmation;
  if (certificateThumbprint !== undefined) {
    const rejection = checkClientCertificate(evidence.clientCertificate, certificateThumbprint);
    if (rejection) return rejection;
  }
  if (keyThumbprint === undefined) return evidence.scheme === "dpop" ? "unbound_token" : {};
  if (evidence.scheme !== "dpop") {
    return evidence.dpopProofs.length === 0 ? "missing_dpop_proof" : "downgraded_token";
  }
  const { method, path, url, accessToken, dpopProofs } = evidence;
  const bases = dpop.publicBaseUrls.map((base) => `${base.replace(/\/$/, "")}${path}`);
  const proof = await checkDpopProof(
    {
      method,
      urls: url === undefined ? bases : [url, ...bases],
      proofs: dpopProofs,
      accessToken,
      keyThumbprint,
      nonces,
    },
    dpop,
    atMs,
  );
  return typeof proof === "string" ? proof : { proof };
}

import { parseMonitoringConfig } from "../shared/config/monitoring-config.ts";
import type { TransmitterConfig } from "../shared/config/signal-parameters.ts";
import { type SigningIssuer, startSigningIssuer } from "./integration/signing-issuer.ts";

/** A system that transmits SETs. It serves its metadata and keys over HTTP, and signs SETs with any claims. */
export interface SignalTransmitter extends SigningIssuer {
  /** Signs claims as a SET. */
  sign: SigningIssuer["sign"];
}

/** Starts a transmitter that publishes its keys in its `ssf-configuration`. */
export async function startSignalTransmitter(
  options: { readonly alg?: string; readonly path?: string } = {},
): Promise<SignalTransmitter> {
  const issuer = await startSigningIssuer({ alg: "RS256", ...options });
  const { pathname } = new URL(issuer.issuer);
  issuer.routes.set(`/.well-known/ssf-configuration${pathname.replace(/\/$/, "")}`, () => ({
    text: JSON.stringify({
      spec_version: "1_0",
      issuer: issuer.issuer,
      jwks_uri: `${issuer.origin}/keys`,
      ...issuer.metadata,
    }),
  }));
  const { sign } = issuer;
  return Object.assign(issuer, {
    sign: (claims: Parameters<typeof sign>[0], header = {}, key = issuer.key) =>
      sign(claims, { typ: "secevent+jwt", ...header }, key),
  });
}

/** Returns the configuration that makes a receiver accept a transmitter's SETs. */
export function transmitterConfig(
  issuer: string,
  more: Record<string, unknown> = {},
): TransmitterConfig {
  const { signals } = parseMonitoringConfig({
    signals: {
      receiver: {
        transmitters: [{ name: "idp", issuer, audiences: ["https://sp.example.com"], ...more }],
      },
    },
  });
  return signals?.receiver?.transmitters[0] as TransmitterConfig;
}

import { TRANSMITTER_PATHS } from "../../config/signal-parameters.ts";
import { POLL, PUSH } from "./stream.ts";

/** Minimum seconds between two verification requests for a stream. */
export const MIN_VERIFICATION_INTERVAL_SECONDS = 30;

/** Returns a transmitter's metadata (Shared Signals Framework 1.0, section 7.1). */
export function transmitterMetadata(issuer: string, defaultSubjects: "ALL" | "NONE"): object {
  const at = (name: keyof typeof TRANSMITTER_PATHS) =>
    `${issuer.replace(/\/$/, "")}${TRANSMITTER_PATHS[name]}`;
  return {
    spec_version: "1_0",
    issuer,
    jwks_uri: at("keys"),
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: at("streams"),
    status_endpoint: at("status"),
    add_subject_endpoint: at("addSubject"),
    remove_subject_endpoint: at("removeSubject"),
    verification_endpoint: at("verification"),
    authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }],
    default_subjects: defaultSubjects,
  };
}

/** Event types that the product publishes. Any other type of the same format is also stored. */
export const EVENT_TYPES = [
  "token_used",
  "token_issued",
  "token_revoked",
  "scope_validation_success",
  "scope_violation",
  "auth_failed",
  "suspicious_activity",
  "session_started",
  "session_ended",
  "auth_unavailable",
  "token_seen",
  "access_revoked",
  "action_taken",
  "action_proposed",
  "action_dry_run",
  "action_rejected",
  "action_released",
  "action_expired",
  "alert_reviewed",
] as const;

/** Event types in the security report. These events are kept for at least 90 days. */
export const SECURITY_EVENT_TYPES = [
  "scope_violation",
  "auth_failed",
  "suspicious_activity",
] as const;

/** Event types for administrator activity at an identity provider. */
export const PROVIDER_ADMIN_TYPES = ["admin_activity"] as const;

import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";

/** Returns all values of a header. The name must be in lower case. */
export type FieldValues = (name: string) => readonly string[];

/** Reads the caller's credentials and user agent from the headers. */
export function callerFields(
  fields: FieldValues,
): Pick<ProtectedRequest, "authorization" | "sessionSecret" | "userAgent" | "dpopProofs"> {
  const sessionIds = fields("mcp-session-id");
  const dpopProofs = fields("dpop");
  return {
    authorization: fields("authorization"),
    // Two session IDs are joined to a value that matches no session.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    userAgent: fields("user-agent")[0],
    ...(dpopProofs.length > 0 ? { dpopProofs } : {}),
  };
}

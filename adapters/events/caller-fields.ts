import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";

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
    // Several session IDs are joined into a value that matches no session, so the call is denied.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    userAgent: fields("user-agent")[0],
    ...(dpopProofs.length > 0 ? { dpopProofs } : {}),
  };
}

import type { ProtectedRequest } from "../../shared/authorization/authorize.ts";

/** Every value of the header field of a name in lower case. */
export type FieldValues = (name: string) => readonly string[];

/** Reads from a call's header fields what the caller shows of itself. */
export function callerFields(
  fields: FieldValues,
): Pick<ProtectedRequest, "authorization" | "sessionSecret" | "userAgent" | "dpopProofs"> {
  const sessionIds = fields("mcp-session-id");
  const dpopProofs = fields("dpop");
  return {
    authorization: fields("authorization"),
    // A call with two session ids has no session: no session has the digest of both.
    sessionSecret: sessionIds.length > 0 ? sessionIds.join(",") : undefined,
    userAgent: fields("user-agent")[0],
    ...(dpopProofs.length > 0 ? { dpopProofs } : {}),
  };
}

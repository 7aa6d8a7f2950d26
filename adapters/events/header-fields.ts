import * as z from "zod";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";

/** An event's headers: the last value of each header, all values, or both. */
export const headerFieldsSchema = z.object({
  headers: z.record(z.string(), z.string().nullish()).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(z.string()).nullish()).nullish(),
});

/** The path parameters of a route. */
export const pathParametersSchema = z.record(z.string(), z.string().nullish()).nullish();

/** The headers of an event. */
export interface HeaderFields {
  readonly headers?: Readonly<Record<string, string | null | undefined>> | null | undefined;
  readonly multiValueHeaders?:
    | Readonly<Record<string, readonly string[] | null | undefined>>
    | null
    | undefined;
}

/** Returns all values of a header, ignoring the case of its name. */
export function fieldValues(event: HeaderFields, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && typeof value === "string")
    .map(([, value]) => value as string);
}

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

/**
 * Returns the client certificate that a load balancer passes in a header as percent-encoded PEM. Returns undefined
 * if the header isn't valid.
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

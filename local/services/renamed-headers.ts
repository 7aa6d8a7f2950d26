/**
 * Response headers that API Gateway renames. AWS documents this for REST APIs; we have seen HTTP APIs and function URLs
 * rename `WWW-Authenticate` in the same way.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
const RENAMED = new Set([
  "authorization",
  "connection",
  "content-md5",
  "date",
  "max-forwards",
  "server",
  "user-agent",
  "www-authenticate",
]);

const DROPPED = new Set([
  "expect",
  "host",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);

/** Renames and drops headers in a function's response, as a gateway does. Load balancers change no headers. */
export function renameHeaders<Value>(
  headers: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const lowerCase = name.toLowerCase();
      if (DROPPED.has(lowerCase)) return [];
      return [[RENAMED.has(lowerCase) ? `x-amzn-Remapped-${name}` : name, value]];
    }),
  );
}

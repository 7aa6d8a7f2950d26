import type { McpServer } from "./mcp-options.ts";
import type { HttpAnswer } from "./refusal.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** The protected resource metadata of an MCP server (RFC 9728). */
export interface ProtectedResource {
  /** The URL of the metadata, for `resource_metadata` in challenges. */
  readonly metadataUrl: string;
  /**
   * Returns the response to a request for the metadata, which needs no token. Returns undefined for any other request.
   *
   * @param path without the query
   */
  answer(method: string, path: string): HttpAnswer | undefined;
}

/** Creates an MCP server's metadata, which is served at the well-known path of the server's URL. */
export function describeResource({
  resource,
  authorizationServers,
  scopesSupported,
  resourceName,
  toolScopes,
}: McpServer): ProtectedResource {
  const { origin, pathname, search } = new URL(resource);
  // RFC 9728, section 3.1: the resource path follows the well-known path, without a trailing slash.
  const path = WELL_KNOWN + (pathname === "/" ? "" : pathname);
  const scopes = scopesSupported ?? [...new Set(Object.values(toolScopes).flat())];
  const body = JSON.stringify({
    resource,
    authorization_servers: authorizationServers,
    bearer_methods_supported: ["header"],
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    ...(resourceName === undefined ? {} : { resource_name: resourceName }),
  });
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "max-age=3600",
    // Lets browser-based clients read the metadata, which is public.
    "Access-Control-Allow-Origin": "*",
  };
  return {
    metadataUrl: `${origin}${path}${search}`,
    answer(method, requested) {
      if (requested !== path || (method !== "GET" && method !== "HEAD")) return undefined;
      return { status: 200, headers, body: method === "HEAD" ? "" : body };
    },
  };
}

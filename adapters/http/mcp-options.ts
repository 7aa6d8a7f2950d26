import * as z from "zod";
import { parseInput } from "../../shared/core/errors.ts";
import { scopeSchema } from "../../shared/events/identifiers.ts";
import type { HttpAnswer } from "./denial.ts";

/** The MCP server behind an adapter. */
export interface McpOptions {
  /**
   * The server's URL as clients know it, such as `https://api.example.com/mcp`. This is the resource identifier of
   * RFC 8707 and RFC 9728.
   */
  readonly resource: string;
  /** The issuer identifiers of the authorization servers whose tokens the server accepts. */
  readonly authorizationServers: readonly string[];
  /**
   * The scopes that clients can request.
   *
   * @default - all scopes in `toolScopes`
   */
  readonly scopesSupported?: readonly string[];
  /**
   * The server's display name.
   *
   * @default - none
   */
  readonly resourceName?: string;
  /**
   * The scopes that each tool requires, in addition to the scopes of the server's route.
   *
   * @default - tools require no additional scopes
   */
  readonly toolScopes?: Readonly<Record<string, readonly string[]>>;
}

/** An https URL without a fragment (RFC 9728, section 1.2). Plain http is allowed for localhost only. */
const resourceSchema = z
  .url({ abort: true })
  .refine((text) => !text.includes("#"), "a URL without a fragment")
  .refine(
    (text) => /^https:\/\/|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${text}/`),
    "an https URL",
  );

const mcpSchema = z.strictObject({
  resource: resourceSchema,
  authorizationServers: z.array(z.url()).min(1),
  scopesSupported: z.array(scopeSchema).optional(),
  resourceName: z.string().min(1).optional(),
  toolScopes: z.record(z.string(), z.array(scopeSchema)).default({}),
});

/** The validated options of an MCP server. */
export type McpServer = z.output<typeof mcpSchema>;

/**
 * Validates the options.
 *
 * @throws InvalidInputError naming each invalid option
 */
export function parseMcpOptions(options: McpOptions): McpServer {
  return parseInput(mcpSchema, "the mcp options", options);
}

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

import * as z from "zod";
import { parseInput } from "../../shared/core/faults.ts";
import { scopeSchema } from "../../shared/events/identifiers.ts";

/** An MCP server behind an adapter. */
export interface McpOptions {
  /**
   * The server's address as its clients know it, such as `https://api.example.com/mcp`: the resource
   * identifier of RFC 8707 and RFC 9728.
   */
  readonly resource: string;
  /** The issuer identifiers of the authorization servers whose tokens the server takes. */
  readonly authorizationServers: readonly string[];
  /**
   * The scopes that clients may ask for.
   *
   * @default - those of `toolScopes`
   */
  readonly scopesSupported?: readonly string[];
  /**
   * The server's name, for people.
   *
   * @default - none
   */
  readonly resourceName?: string;
  /**
   * The scopes that a call of a tool needs, in addition to those of the server's route.
   *
   * @default - no tool needs more than the route
   */
  readonly toolScopes?: Readonly<Record<string, readonly string[]>>;
}

/** RFC 9728, section 1.2: an https address without a fragment. Plain http is for a server on this machine. */
const resourceSchema = z
  .url({ abort: true })
  .refine((text) => !text.includes("#"), "an address without a fragment")
  .refine(
    (text) => /^https:\/\/|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${text}/`),
    "an https address",
  );

const mcpSchema = z.strictObject({
  resource: resourceSchema,
  authorizationServers: z.array(z.url()).min(1),
  scopesSupported: z.array(scopeSchema).optional(),
  resourceName: z.string().min(1).optional(),
  toolScopes: z.record(z.string(), z.array(scopeSchema)).default({}),
});

/** The options of an MCP server, checked. */
export type McpServer = z.output<typeof mcpSchema>;

/** @throws InvalidInputError naming each option that is wrong */
export function parseMcpOptions(options: McpOptions): McpServer {
  return parseInput(mcpSchema, "the mcp options", options);
}

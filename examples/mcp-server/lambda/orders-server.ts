import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import * as z from "zod";

const text = (value: unknown) => ({
  content: [{ type: "text" as const, text: JSON.stringify(value) }],
});

/** Creates an MCP server with tools for one caller. The middleware checks a tool's scopes before the tool is called. */
export function createOrdersServer(userId: string | undefined): McpServer {
  const server = new McpServer({ name: "orders", version: "1.0.0" });
  server.registerTool("list_orders", { description: "The caller's orders" }, async () =>
    text([{ id: "42", user: userId ?? null, state: "open" }]),
  );
  server.registerTool(
    "cancel_order",
    { description: "Cancels an order", inputSchema: { id: z.string() } },
    async ({ id }) => text({ id, user: userId ?? null, state: "cancelled" }),
  );
  return server;
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createOrdersServer } from "../lambda/orders-server.js";

test("runs the tools for the caller", async () => {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const server = createOrdersServer("ada");
  const client = new Client({ name: "test", version: "1.0.0" });
  await Promise.all([server.connect(serverSide), client.connect(clientSide)]);

  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ["list_orders", "cancel_order"],
  );
  const { content } = await client.callTool({ name: "cancel_order", arguments: { id: "42" } });
  assert.deepEqual(content, [
    { type: "text", text: '{"id":"42","user":"ada","state":"cancelled"}' },
  ]);
  await client.close();
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { afterEach, expect, it } from "vitest";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";

let server: Server | undefined;
afterEach(() => server?.close());

it("createDocumentClient gives up when DynamoDB accepts a call but never responds", async () => {
  let connections = 0;
  server = createServer(() => {
    connections += 1;
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const db = createDocumentClient("call", {
    ...LOCAL_ACCESS,
    endpoint: `http://127.0.0.1:${port}`,
  });
  const get = db.send(new GetCommand({ TableName: "t", Key: { id: "1" } }));
  await expect(get).rejects.toMatchObject({ name: "TimeoutError" });
  expect(connections).toBe(2);
});

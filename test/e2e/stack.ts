import { Agent, request } from "node:http";
import { paginateScan } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, inject } from "vitest";
import type { GuardedStore } from "../../local/services/store-guard.ts";
import type { Assembly } from "../../local/services/template.ts";
import { type LibraryContext, libraryContext } from "../../local/start/library-context.ts";
import { type LocalStack, startLocalStack } from "../../local/start/local-stack.ts";
import { isBatchItem, readBatchItems } from "../../shared/audit-log/batch-item.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import { recordingLogger } from "../integration/store.ts";
import { settled } from "../settled.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

/** A running stack with a client's token and an administrator's token. It records all output. */
export interface Scene {
  readonly stack: LocalStack;
  /** The store behind the functions. `delayMs` slows it down. */
  readonly store: GuardedStore;
  readonly library: LibraryContext;
  readonly caller: string;
  readonly admin: string;
  /** Every entry that reached the bus, as text. */
  readonly busTraffic: string[];
  /** Every line that a function logged. */
  readonly logs: string[];
  get(path: string, token?: string, headers?: Record<string, string | string[]>): Promise<Answer>;
  send(
    method: string,
    path: string,
    headers: Record<string, string | string[]>,
    body?: string,
  ): Promise<Answer>;
  /** Returns the stored events of a type. */
  eventsByType(): Promise<Record<string, number>>;
  /** Waits until the queues are empty and stay empty. */
  settle(): Promise<void>;
  /** Returns every item of every table as text. */
  storeText(): Promise<string>;
}

async function callStack(
  agent: Agent,
  url: string,
  method: string,
  headers: Record<string, string | string[]>,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => {
        const json = String(incoming.headers["content-type"]).includes("json");
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          body: json && text ? JSON.parse(text) : undefined,
        });
      });
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Starts a stack for a test file. */
export function useStack({
  assembly,
  ...options
}: {
  readonly visibilitySeconds?: number;
  /** The content of Secrets Manager, by ARN. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Replaces the stack with the default configuration. */
  readonly assembly?: () => Assembly;
} = {}): () => Scene {
  let scene: Scene;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  beforeAll(async () => {
    const logs: string[] = [];
    const busTraffic: string[] = [];
    const store: GuardedStore = {
      endpoint: inject("dynamodbEndpoint"),
      accessKey: `stack${process.pid}x${Date.now()}`,
    };
    const stack = await startLocalStack({
      assembly: assembly?.() ?? inject("assembly"),
      port: 0,
      dynamodbPort: 0,
      runningStore: store,
      eventbridgePort: 0,
      trustForwardedFor: true,
      runtimeClient: process.env.LAMBDA_RUNTIME_CLIENT,
      log: (line) => logs.push(line),
      ...options,
    });
    stack.eventBus.onEntry = (entry) => busTraffic.push(JSON.stringify(entry));
    const library = libraryContext(stack, systemClock, recordingLogger());
    const quiet = { ...library, sink: { publish: async () => {} } };
    const issue = async (clientId: string, scopes: string[]) =>
      (await issueToken(quiet, { clientId, userId: "ada", scopes, expiresInSeconds: 3600 })).secret;
    const [caller, admin] = [
      await issue("app", ["api:read"]),
      await issue("ops", ["oauth:admin", "oauth:respond"]),
    ];
    const send: Scene["send"] = (method, path, headers, body) =>
      callStack(agent, `${stack.url}${path}`, method, headers, body);
    const get: Scene["get"] = (path, token, headers = {}) =>
      send("GET", path, { ...headers, ...(token && { authorization: `Bearer ${token}` }) });
    scene = {
      stack,
      store,
      library,
      caller,
      admin,
      busTraffic,
      logs,
      send,
      get,
      eventsByType: async () => (await get("/admin/oauth/stats", admin)).body.events.by_type,
      settle: () => settled(stack),
      async storeText() {
        const { db } = library;
        const tables = Object.entries(library).filter(([key]) => key.endsWith("Table"));
        const items: Record<string, unknown>[] = [];
        for (const [, TableName] of tables) {
          for await (const page of paginateScan({ client: db }, { TableName: String(TableName) })) {
            items.push(...(page.Items ?? []));
          }
        }
        // Compressed attributes cannot be searched.
        const batched = await readBatchItems(library, items.filter(isBatchItem));
        return JSON.stringify([...items, ...batched.values()]);
      },
    };
  });
  afterAll(async () => {
    agent.destroy();
    await scene?.stack.close();
  });
  return () => scene;
}

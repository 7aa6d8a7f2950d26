import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { vi } from "vitest";
import {
  getCaller,
  type NodeMiddlewareOptions,
  type NodeMonitoring,
  oauthMonitoring,
} from "../../../adapters/node/index.ts";
import {
  LOAD_BALANCER_EVENT,
  LOAD_BALANCER_MULTI_VALUE_EVENT,
  REST_API_EVENT,
} from "../../gateway-events.ts";
import type { Scene } from "../stack.ts";

/** An adapter's response. */
export interface AdapterAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

/** Request headers. A list is sent as several header fields. */
export type CallHeaders = Readonly<Record<string, string | readonly string[]>>;

/** A deployed adapter that a test can call. */
export interface Adapter {
  readonly name: string;
  /** Source of the response to denied calls: the adapter itself, or API Gateway with its own texts. */
  readonly answers: "itself" | "rest-api" | "http-api";
  /** Header that carries the challenge. Gateways rename it in a function's response. */
  readonly challengeField: string;
  call(method: string, path: string, headers: CallHeaders): Promise<AdapterAnswer>;
}

async function fetchAdapter(
  url: string,
  method: string,
  path: string,
  headers: CallHeaders,
): Promise<AdapterAnswer> {
  const fields = new Headers();
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) fields.append(name, value);
  }
  const response = await fetch(url + path, { method, headers: fields });
  const text = await response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: text ? JSON.parse(text) : undefined,
  };
}

/** The header name to which API Gateway and function URLs rename a function's `WWW-Authenticate`. */
export const RENAMED_CHALLENGE = "x-amzn-remapped-www-authenticate";

const served = (
  name: string,
  url: string,
  { answers = "itself", challengeField = "www-authenticate" }: Partial<Adapter> = {},
): Adapter => ({
  name,
  answers,
  challengeField,
  call: (method, path, headers) => fetchAdapter(url, method, path, headers),
});

interface FunctionResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

/**
 * Returns an adapter for an event source that the local stack doesn't emulate. It invokes the function with the
 * source's event.
 */
function invoked(
  scene: Scene,
  name: string,
  event: (method: string, path: string, headers: CallHeaders) => object,
): Adapter {
  return {
    name,
    answers: "itself",
    challengeField: "www-authenticate",
    async call(method, path, headers) {
      const result = (await scene.stack.functions.invoke(
        scene.stack.named("function", "ProtectedFunction"),
        event(method, path, headers),
      )) as FunctionResult;
      const fields = Object.entries(result.multiValueHeaders ?? result.headers ?? {});
      return {
        status: result.statusCode,
        headers: Object.fromEntries(
          fields.map(([field, value]) => [field.toLowerCase(), [value].flat().join(", ")]),
        ),
        body: JSON.parse(result.body),
      };
    },
  };
}

const lists = (headers: CallHeaders): Record<string, string[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [values].flat()]));
const lasts = (headers: CallHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, [values].flat().at(-1) ?? ""]),
  );

/** Returns the URL of the only HTTP API or function URL whose logical ID contains the text. */
export function getEndpoint({ stack }: Scene, part: string): string {
  const [first, second] = [...stack.endpoints].filter(([id]) => id.includes(part));
  if (!first || second) throw new Error(`exactly one endpoint must have ${part} in its name`);
  return first[1];
}

/** Returns every adapter that runs on Lambda. */
export function lambdaAdapters(scene: Scene): Adapter[] {
  const { stack } = scene;
  const endpoint = (part: string) => getEndpoint(scene, part);
  const renaming = { challengeField: RENAMED_CHALLENGE };
  return [
    served("a REST API's authorizer", stack.url, { answers: "rest-api" }),
    served("an HTTP API's authorizer", endpoint("AuthorizedHttpApi"), { answers: "http-api" }),
    served("a function URL", endpoint("FunctionUrl"), renaming),
    served("an HTTP API without authorizer", endpoint("OpenHttpApi"), renaming),
    served("an HTTP API with a named stage", `${endpoint("StagedHttpApi")}/live`, renaming),
    invoked(scene, "a REST API without authorizer", (httpMethod, path, headers) => ({
      ...REST_API_EVENT,
      httpMethod,
      path,
      pathParameters: { proxy: path.replace(/^\/api\//, "") },
      headers: lasts(headers),
      multiValueHeaders: lists(headers),
      requestContext: {
        ...REST_API_EVENT.requestContext,
        identity: {
          ...REST_API_EVENT.requestContext.identity,
          sourceIp: String(headers["x-forwarded-for"]),
        },
      },
    })),
    invoked(scene, "a load balancer", (httpMethod, path, headers) => ({
      ...LOAD_BALANCER_EVENT,
      httpMethod,
      path,
      headers: lasts(headers),
    })),
    invoked(scene, "a load balancer with multi-value headers", (httpMethod, path, headers) => ({
      ...LOAD_BALANCER_MULTI_VALUE_EVENT,
      httpMethod,
      path,
      multiValueHeaders: lists(headers),
    })),
  ];
}

/** The container servers and the middleware that protects them. */
export interface NodeAdapters {
  readonly adapters: readonly Adapter[];
  readonly monitoring: NodeMonitoring;
  close(): Promise<void>;
}

export const getAddress = (server: { address(): unknown }) =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

export async function listening<S extends Server>(server: S): Promise<S> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  return server;
}

/** Connects through environment variables, as a container does. */
export function openMonitoring(
  scene: Scene,
  options: NodeMiddlewareOptions = {},
): Promise<NodeMonitoring> {
  const { stack } = scene;
  for (const [name, value] of Object.entries({
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamodbEndpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: stack.eventbridgeEndpoint,
    AWS_ENDPOINT_URL_SQS: stack.eventbridgeEndpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: stack.eventbridgeEndpoint,
  })) {
    vi.stubEnv(name, value);
  }
  const environment = stack.functions.variables(stack.named("function", "ProtectedFunction"));
  return oauthMonitoring({
    environment,
    logger: scene.library.logger,
    trustedProxies: 1,
    ...options,
  });
}

/** Starts Express, Fastify, Hono and Node's own server, each protected by the same middleware. */
export async function nodeAdapters(scene: Scene): Promise<NodeAdapters> {
  const monitoring = await openMonitoring(scene);
  const { middleware } = monitoring;

  const plain = await listening(
    createServer((request, response) =>
      middleware(request, response, () =>
        response.end(JSON.stringify({ caller: getCaller(request) })),
      ),
    ),
  );

  const app = express();
  // Express removes the mount path from the URL.
  app.use("/api", middleware);
  app.use((request, response) => void response.json({ caller: getCaller(request) }));
  const expressServer = await listening(createServer(app));

  const fast = fastify();
  fast.addHook("onRequest", (request, reply, done) => {
    middleware(request.raw, reply.raw, done);
  });
  fast.all("/api/*", async (request) => ({ caller: getCaller(request.raw) }));
  await fast.listen({ port: 0, host: "127.0.0.1" });

  const hono = new Hono<{ Variables: { caller: unknown } }>();
  hono.use(async (context, next) => {
    const ip = getConnInfo(context).remote.address ?? "";
    const checked = await monitoring.check(context.req.raw, { ip });
    if (checked instanceof Response) return checked;
    context.set("caller", checked);
    return next();
  });
  hono.all("/api/*", (context) => context.json({ caller: context.get("caller") as object }));
  const honoServer = await listening(
    serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server,
  );

  return {
    monitoring,
    adapters: [
      served("Node's HTTP server", getAddress(plain)),
      served("Express", getAddress(expressServer)),
      served("Fastify", getAddress(fast.server)),
      served("Hono", getAddress(honoServer)),
    ],
    async close() {
      for (const server of [plain, expressServer, honoServer]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await fast.close();
    },
  };
}

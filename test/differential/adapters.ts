import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import middy from "@middy/core";
import express from "express";
import fastify from "fastify";
import fastify4 from "fastify4";
import { Hono } from "hono";
import { handle as honoOnLambda } from "hono/aws-lambda";
import { oauthMonitoring as protectFunction } from "../../adapters/lambda/index.ts";
import {
  type NodeMiddlewareOptions,
  type NodeMonitoring,
  oauthMonitoring,
} from "../../adapters/node/index.ts";
import { findRoute } from "../../local/services/api-routes.ts";
import {
  type FunctionCode,
  functionUrl,
  type GatewayRoute,
  httpApi,
  loadBalancer,
  restApi,
} from "./gateways.ts";
import { type AppRoute, ROUTES } from "./routes.ts";
import type { Scene } from "./scene.ts";

/** The header that identifies a call. The call's event contains it too. */
export const CALL_ID = "user-agent";

/** Records that a route's handler ran for a call. */
export type Record = (callId: string, route: AppRoute) => void;

/** A protected backend that is running. */
export interface RunningAdapter {
  readonly port: number;
  /** Publishes buffered events. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** An adapter under test: a backend behind a framework or gateway that our code protects. */
export interface Adapter {
  readonly name: string;
  /** Base path or stage that callers put before the application's paths. */
  readonly prefix: string;
  /** Scopes of routes that this backend cannot reach, because another route takes their calls. */
  readonly unreachable?: readonly string[];
  start(scene: Scene, record: Record): Promise<RunningAdapter>;
}

async function listen(
  server: Server,
  flush: () => Promise<void> = async () => {},
): Promise<RunningAdapter> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  return {
    port: (server.address() as AddressInfo).port,
    flush,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Converts a path such as `/files/{proxy+}` to a framework's syntax. */
const inSyntax = (path: string, wildcard: string) =>
  path.replace(/\{\w+\+\}/, wildcard).replace(/\{(\w+)\}/g, ":$1");

/** Finds the route for a path like a hand-written router does. Treats HEAD as GET. */
function routeFor(method: string | undefined, path: string): AppRoute | undefined {
  const wanted = method === "HEAD" ? "GET" : (method ?? "GET");
  const routes = ROUTES.map((route) => ({ ...route, resource: route.path, route }));
  return findRoute(routes, wanted, path)?.route.route;
}

// --- Node servers

type StartNode = (
  monitoring: NodeMonitoring,
  record: Record,
  flush: () => Promise<void>,
) => Promise<RunningAdapter>;

const node = (
  name: string,
  start: StartNode,
  more: Partial<Adapter> = {},
  options: NodeMiddlewareOptions = {},
): Adapter => ({
  name,
  prefix: "",
  ...more,
  async start({ environment, logger }, record) {
    const monitoring = await oauthMonitoring({ environment, logger, ...options });
    return start(monitoring, record, () => monitoring.flush());
  },
});

/** First segments of all routes. */
const TOPS = [...new Set(ROUTES.map(({ path }) => `/${path.split("/")[1]}`))];

const expressApp =
  (
    create: typeof express,
    wildcard: string,
    { settings = [], mounts = [] }: { settings?: readonly string[]; mounts?: string[] } = {},
  ): StartNode =>
  ({ middleware }, record, flush) => {
    const app = create();
    for (const setting of settings) app.set(setting, true);
    if (mounts.length > 0) app.use(mounts, middleware);
    else app.use(middleware);
    for (const route of ROUTES) {
      const method = route.method === "ANY" ? "all" : (route.method.toLowerCase() as "get");
      app[method](inSyntax(route.path, wildcard), (request, response) => {
        record(String(request.headers[CALL_ID]), route);
        response.end();
      });
    }
    return listen(createServer(app), flush);
  };

const fastifyApp =
  (create: typeof fastify, options: object = {}, routes = ROUTES): StartNode =>
  async ({ middleware }, record, flush) => {
    const app = create(options);
    app.addHook("onRequest", (request, reply, done) => middleware(request.raw, reply.raw, done));
    for (const route of routes) {
      const handler = async (request: { headers: IncomingMessage["headers"] }) => {
        record(String(request.headers[CALL_ID]), route);
        return "";
      };
      const url = inSyntax(route.path, "*");
      if (route.method === "ANY") app.all(url, handler);
      else app.route({ method: route.method as "GET", url, handler });
    }
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { ...(await listen(app.server, flush)), close: () => app.close() };
  };

function honoApp(record: Record, basePath = ""): Hono {
  const app = new Hono();
  for (const route of ROUTES) {
    const path = basePath + inSyntax(route.path, "*");
    const handler = (context: { req: { header(name: string): string | undefined } }) => {
      record(String(context.req.header(CALL_ID)), route);
      return new Response("");
    };
    if (route.method === "ANY") app.all(path, handler);
    else app.on(route.method, path, handler);
  }
  return app;
}

const honoServer: StartNode = (monitoring, record, flush) => {
  const app = new Hono();
  app.use(async (context, next) => {
    const ip = getConnInfo(context).remote.address ?? "";
    const checked = await monitoring.check(context.req.raw, { ip });
    return checked instanceof Response ? checked : next();
  });
  app.route("/", honoApp(record));
  return listen(serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server, flush);
};

/** Starts a server without a framework. */
const plainServer =
  (getPath: (target: string) => string): StartNode =>
  ({ middleware }, record, flush) => {
    const listener: RequestListener = (request, response) =>
      middleware(request, response, (error) => {
        response.statusCode = error ? 500 : 404;
        try {
          const route = routeFor(request.method, getPath(request.url ?? "/"));
          if (route && !error) {
            record(String(request.headers[CALL_ID]), route);
            response.statusCode = 200;
          }
        } catch {
          response.statusCode = 400;
        }
        response.end();
      });
    return listen(createServer(listener), flush);
  };

const withoutQuery = (target: string) => target.split("?")[0] ?? "";

// --- Gateways

/** The parts of Lambda's context that are used. */
const CONTEXT = {
  awsRequestId: "r",
  functionName: "f",
  getRemainingTimeInMillis: () => 30_000,
} as never;

/** Loads the authorizer as deployed. It reads its environment variables at load time. */
async function loadAuthorizer(scene: Scene): Promise<FunctionCode> {
  Object.assign(process.env, scene.environment);
  const { handler } = await import("../../functions/authorizer/handler.ts");
  return (event) => handler(event as never, CONTEXT);
}

// biome-ignore lint/suspicious/noExplicitAny: each source has different fields
type Event = any;

/** Returns one function per route. The gateway chooses the route. */
const functionPerRoute = (
  record: Record,
): { routes: GatewayRoute[]; functions: { [name: string]: FunctionCode } } => ({
  routes: ROUTES.map(({ method, path }, index) => ({ method, path, functionName: `f${index}` })),
  functions: Object.fromEntries(
    ROUTES.map((route, index) => [
      `f${index}`,
      async ({ headers }: Event) => {
        record(headers[CALL_ID] ?? headers["User-Agent"], route);
        return { statusCode: 200, body: "" };
      },
    ]),
  ),
});

/** Returns a function that routes by the path in its event, with Hono or by hand. */
function routingFunction(router: "hono" | "path", record: Record, basePath = ""): FunctionCode {
  if (router === "hono") return honoOnLambda(honoApp(record, basePath)) as FunctionCode;
  return async ({ httpMethod, path, rawPath, requestContext, headers }: Event) => {
    const called: string = rawPath ?? path;
    if (!called.startsWith(basePath)) return { statusCode: 404, body: "" };
    const method = httpMethod ?? requestContext.http.method;
    const route = routeFor(method, called.slice(basePath.length));
    if (route) record(headers[CALL_ID] ?? headers["User-Agent"], route);
    return { statusCode: route ? 200 : 404, body: "" };
  };
}

/** Protects a function with the middleware. */
async function protectedFunction(
  { environment, logger }: Scene,
  code: FunctionCode,
): Promise<FunctionCode> {
  const handler = middy()
    .use(await protectFunction({ environment, logger }))
    .handler(code as never);
  return (event) => handler(event as never, CONTEXT) as Promise<unknown>;
}

type Gateway = (request: IncomingMessage, response: ServerResponse) => unknown;

const gateway = (
  name: string,
  prefix: string,
  open: (scene: Scene, record: Record) => Promise<Gateway>,
): Adapter => ({
  name,
  prefix,
  start: async (scene, record) =>
    listen(createServer((await open(scene, record)) as RequestListener)),
});

/** Returns an API with an authorizer and a function per route. */
const authorizedApi = (
  name: string,
  prefix: string,
  create: typeof restApi | typeof httpApi,
  options: object = {},
): Adapter =>
  gateway(name, prefix, async (scene, record) => {
    const { routes, functions } = functionPerRoute(record);
    return create(routes, { ...functions, authorizer: await loadAuthorizer(scene) }, options);
  });

const CATCH_ALL: GatewayRoute = { method: "ANY", path: "/{proxy+}", functionName: "code" };
const DEFAULT_ROUTE: GatewayRoute = { method: "ANY", path: "$default", functionName: "code" };

/** Returns an API with an authorizer and a single route to a function that does the routing. */
const authorizedRouter = (
  name: string,
  prefix: string,
  create: typeof restApi | typeof httpApi,
  router: "hono" | "path",
  route: GatewayRoute,
  options: object = {},
): Adapter =>
  gateway(name, prefix, async (scene, record) =>
    create(
      [route],
      {
        code: routingFunction(router, record, prefix),
        authorizer: await loadAuthorizer(scene),
      },
      options,
    ),
  );

/** Returns a function that routes and is protected by the middleware. */
const protectedRouter = (
  name: string,
  prefix: string,
  router: "hono" | "path",
  create: (code: FunctionCode) => Gateway,
): Adapter =>
  gateway(name, prefix, async (scene, record) =>
    create(await protectedFunction(scene, routingFunction(router, record, prefix))),
  );

const OPS = { basePath: "/ops" };

/** Case-insensitive backends serve only one of two routes that differ by case. */
const CASELESS = { unreachable: ["old-reports"] };

/** Every adapter, with backends that are used in practice. */
export const ADAPTERS: readonly Adapter[] = [
  node("Express 5", expressApp(express, "*proxy"), CASELESS),
  node(
    "Express 5, case-sensitive and strict",
    expressApp(express, "*proxy", { settings: ["case sensitive routing", "strict routing"] }),
  ),
  node("Express 5, mounted", expressApp(express, "*proxy", { mounts: TOPS }), CASELESS),
  node("Express 4", expressApp(createRequire(import.meta.url)("express4"), "*"), CASELESS),
  node("Fastify 5", fastifyApp(fastify)),
  node(
    "Fastify 5, lenient",
    fastifyApp(fastify, {
      routerOptions: {
        ignoreTrailingSlash: true,
        ignoreDuplicateSlashes: true,
        useSemicolonDelimiter: true,
      },
    }),
  ),
  node(
    "Fastify 5, case-insensitive",
    // Case-insensitive Fastify rejects two routes that differ by case.
    fastifyApp(
      fastify,
      { routerOptions: { caseSensitive: false } },
      ROUTES.filter(({ scope }) => !CASELESS.unreachable.includes(scope)),
    ),
    CASELESS,
  ),
  node("Fastify 4", fastifyApp(fastify4 as never)),
  node("Hono", honoServer),
  node("node:http by the raw path", plainServer(withoutQuery)),
  node(
    "node:http by the decoded path",
    plainServer((target) => decodeURIComponent(withoutQuery(target))),
  ),
  node(
    "node:http by new URL()",
    plainServer((target) => new URL(target, "http://localhost").pathname),
  ),
  authorizedApi("REST API", "", restApi),
  authorizedApi("REST API behind a base path", "/ops", restApi, OPS),
  authorizedApi("REST API behind a base path without a stage", "/prod", restApi, {
    basePath: "/prod",
  }),
  authorizedRouter("REST API {proxy+} with Hono", "", restApi, "hono", CATCH_ALL),
  authorizedRouter("REST API {proxy+} behind a base path", "/ops", restApi, "path", CATCH_ALL, OPS),
  authorizedApi("HTTP API", "", httpApi),
  authorizedApi("HTTP API with a named stage", "/live", httpApi, { stage: "live" }),
  authorizedApi("HTTP API behind a base path", "/ops", httpApi, OPS),
  authorizedApi("HTTP API, payload 1.0", "", httpApi, { format: "1.0" }),
  authorizedApi("HTTP API behind a base path, payload 1.0", "/ops", httpApi, {
    ...OPS,
    format: "1.0",
  }),
  authorizedRouter("HTTP API $default with Hono", "", httpApi, "hono", DEFAULT_ROUTE),
  protectedRouter("function URL with Hono", "", "hono", functionUrl),
  protectedRouter("function URL by the raw path", "", "path", functionUrl),
  protectedRouter("load balancer with Hono", "", "hono", loadBalancer),
  protectedRouter("load balancer by the raw path", "", "path", loadBalancer),
  protectedRouter("REST API without authorizer behind a base path", "/ops", "path", (code) =>
    restApi([CATCH_ALL], { code }, OPS),
  ),
  protectedRouter("HTTP API without authorizer with Hono", "", "hono", (code) =>
    httpApi([DEFAULT_ROUTE], { code }),
  ),
  protectedRouter("HTTP API without authorizer, payload 1.0", "", "path", (code) =>
    httpApi([DEFAULT_ROUTE], { code }, { format: "1.0" }),
  ),
];

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { bytesIn, copyApp, edit, newCdkApp, newFolder, pack, ROOT, run } from "./new-app.ts";

const MEGABYTE = 1024 * 1024;

let tarball: string;
let app: string;

/** Adds the README's lines that attach the construct to the stack that `cdk init` created. */
function addReadmeLines(folder: string): void {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, lines = ""] = /```ts\n(import \{ OAuthMonitoring \}[\s\S]*?)```/.exec(readme) ?? [];
  const [imports = "", ...body] = lines.trim().split("\n\n");
  expect(body.join("\n")).toContain("attach(api)");
  const api = [
    'const api = new RestApi(this, "Orders");',
    'api.root.addResource("orders").addMethod("GET", new MockIntegration());',
  ];
  edit(
    join(folder, "lib/shop-stack.ts"),
    (text) =>
      `import { MockIntegration, RestApi } from "aws-cdk-lib/aws-apigateway";\n${imports}\n${text.replace(
        /super\(scope, id, props\);/,
        (found) => [found, ...api, ...body].join("\n    "),
      )}`,
  );
}

const TEST = `import * as cdk from "aws-cdk-lib/core";
import { Template } from "aws-cdk-lib/assertions";
import * as Shop from "../lib/shop-stack";

test("every order asks for a token", () => {
  const stack = new Shop.ShopStack(new cdk.App(), "MyTestStack");
  Template.fromStack(stack).resourcePropertiesCountIs(
    "AWS::ApiGateway::Method",
    { AuthorizationType: "CUSTOM", HttpMethod: "GET" },
    11,
  );
});
`;

beforeAll(async () => {
  tarball = await pack(newFolder("packed"));
  app = await newCdkApp(tarball);
}, 600_000);

describe("the package", () => {
  const listFiles = async () => (await run(ROOT, "tar", "-tzf", tarball)).trim().split("\n");

  it("is at most 2 MB and contains only build output and documentation", async () => {
    expect(statSync(tarball).size).toBeLessThanOrEqual(2 * MEGABYTE);
    const files = await listFiles();
    expect(files.length).toBeGreaterThan(100);
    const others = files.filter(
      (file) =>
        !/^package\/(dist\/(infra|shared|adapters|cli|functions)\/|docs\/|examples\/|test\/bench\/RESULTS\.md$|package\.json$|LICENSE$|[A-Z]+\.md$)/.test(
          file,
        ),
    );
    // Files with code that two compiled modules share.
    expect(others.filter((file) => !file.startsWith("package/dist/_virtual/"))).toEqual([]);
  });

  it("contains every file that its pages link to", async () => {
    const files = (await listFiles()).map((file) => file.replace(/^package\//, ""));
    const ships = (target: string) =>
      files.some((file) => file === target || file.startsWith(`${target}/`));
    const pages = files.filter((file) => file.endsWith(".md"));
    expect(pages).toContain("docs/attach.md");
    const dead = pages.flatMap((page) =>
      [...readFileSync(join(ROOT, page), "utf8").matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
        .map(([, link = ""]) => posix.join(posix.dirname(page), link))
        .filter((target) => existsSync(join(ROOT, target)) && !ships(target))
        .map((target) => `${page}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it("adds at most 60 MB to an app", () => {
    const lock = JSON.parse(readFileSync(join(app, "package-lock.json"), "utf8"));
    const ours = new Set<string>();
    const add = (name: string, from: string) => {
      // Node.js looks in the package's own directory first.
      const path = [`${from}/node_modules/${name}`, `node_modules/${name}`].find(
        (each) => lock.packages[each],
      );
      if (path === undefined || ours.has(path)) return;
      ours.add(path);
      for (const dependency of Object.keys(lock.packages[path].dependencies ?? {})) {
        add(dependency, path);
      }
    };
    add("oauth-monitoring", "");
    expect(ours.size).toBeGreaterThan(20);
    const bytes = [...ours].reduce((sum, path) => sum + bytesIn(join(app, path)), 0);
    expect(bytes).toBeLessThanOrEqual(60 * MEGABYTE);
  });
});

describe("an app created by cdk init", () => {
  beforeAll(() => {
    addReadmeLines(app);
    writeFileSync(join(app, "test/shop.test.ts"), TEST);
  });

  it("compiles, passes its tests and synthesizes", { timeout: 300_000 }, async () => {
    await run(app, "npx", "tsc");
    await run(app, "npm", "test");
    await run(app, "npx", "cdk", "synth", "--quiet");
    const template = readFileSync(join(app, "cdk.out/ShopStack.template.json"), "utf8");
    expect(JSON.parse(template).Outputs).toHaveProperty("MonitoringTokensTable");
  });

  it("compiles and synthesizes as an ES module", { timeout: 300_000 }, async () => {
    const esm = join(newFolder("esm"), "shop");
    copyApp(app, esm);
    edit(join(esm, "package.json"), (text) =>
      JSON.stringify({ ...JSON.parse(text), type: "module" }),
    );
    for (const file of ["bin/shop.ts", "test/shop.test.ts"]) {
      edit(join(esm, file), (text) => text.replace("lib/shop-stack", "lib/shop-stack.js"));
    }
    edit(join(esm, "lib/shop-stack.ts"), (text) =>
      text.replace("aws-cdk-lib/core'", "aws-cdk-lib'"),
    );
    await run(esm, "npx", "tsc");
    await run(esm, "npx", "cdk", "synth", "--quiet");
  });

  it("finds the command line tool", async () => {
    expect(await run(app, "npx", "oauth-monitoring", "--help")).toContain("tokens");
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(await run(app, "npx", "oauth-monitoring", "--version")).toBe(`${version}\n`);
  });
});

describe("the types", () => {
  const USE = `import { App, Stack } from "aws-cdk-lib";
import { RestApi } from "aws-cdk-lib/aws-apigateway";
import { type AdminApi, OAuthMonitoring } from "oauth-monitoring";
import { getCaller, type LambdaMiddleware, oauthMonitoring } from "oauth-monitoring/lambda";
import { type NodeMonitoring, oauthMonitoring as protectServer } from "oauth-monitoring/node";
import { issueToken, type IssuedToken, openMonitoring } from "oauth-monitoring/sdk";

const stack = new Stack(new App(), "Shop");
const monitoring = new OAuthMonitoring(stack, "Monitoring");
monitoring.attach(new RestApi(stack, "Orders"));
export const admin: AdminApi = monitoring.addAdminApi();
export const issued: Promise<IssuedToken> = issueToken(openMonitoring(), {
  clientId: "shop",
  scopes: ["orders:read"],
  expiresInSeconds: 3600,
});
export const middleware: Promise<LambdaMiddleware> = oauthMonitoring();
export const server: Promise<NodeMonitoring> = protectServer({ trustedProxies: 1 });
export const user: string | undefined = getCaller({})?.user_id;
`;

  it.each([
    ["node16", "node16", ["use.mts", "use.cts"]],
    ["nodenext", "nodenext", ["use.mts", "use.cts"]],
    ["esnext", "bundler", ["use.mts"]],
    // These packages have no `exports` in package.json.
    ["commonjs", "node10", ["use.ts"]],
  ])(
    "compile with module %s and resolution %s, including declarations of dependencies",
    {
      timeout: 120_000,
    },
    async (module, moduleResolution, files) => {
      for (const file of files) writeFileSync(join(app, file), USE);
      const options = Object.entries({ module, moduleResolution, target: "es2022", types: "node" });
      await run(
        app,
        join(ROOT, "node_modules/.bin/tsc"),
        ...["--noEmit", "--strict", "--esModuleInterop", "--skipLibCheck", "false"],
        ...options.flatMap(([name, value]) => [`--${name}`, value]),
        ...files,
      );
      for (const file of files) rmSync(join(app, file));
    },
  );
});

describe("the library from plain JavaScript", () => {
  const QUESTION = `
    const tracked = await (async () => {
      const events = [];
      const sink = { publish: async (given) => void events.push(...given) };
      await sdk.trackEvent({ sink, clock: () => 0 }, "token_used", { oauth_client_id: "app" });
      return events[0].event_type;
    })();
    console.log(tracked, typeof infra.OAuthMonitoring, lambda.getCaller({}), typeof node.oauthMonitoring);`;

  it("can be imported", async () => {
    const file = join(app, "plain.mjs");
    writeFileSync(
      file,
      `import * as infra from "oauth-monitoring"; import * as sdk from "oauth-monitoring/sdk"; import * as lambda from "oauth-monitoring/lambda"; import * as node from "oauth-monitoring/node";${QUESTION}`,
    );
    expect(await run(app, "node", file)).toBe("token_used function undefined function\n");
  });

  it("can be required", async () => {
    const file = join(app, "plain.cjs");
    writeFileSync(
      file,
      `const infra = require("oauth-monitoring"); const sdk = require("oauth-monitoring/sdk"); const lambda = require("oauth-monitoring/lambda"); const node = require("oauth-monitoring/node");(async () => {${QUESTION}})();`,
    );
    expect(await run(app, "node", file)).toBe("token_used function undefined function\n");
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { connectAsUser } from "../../examples/mcp-server/client/sign-in.ts";
import type { Assembly } from "../../local/services/template.ts";
import { libraryContext } from "../../local/start/library-context.ts";
import { startLocalIssuer } from "../../local/start/local-issuer.ts";
import {
  type LocalStack,
  type LocalStackOptions,
  startLocalStack,
} from "../../local/start/local-stack.ts";
import { readAssembly } from "../../local/start/other-app.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { queryEvents, revokePrincipal } from "../../shared/index.ts";
import { settled } from "../settled.ts";
import { signInAs } from "../sign-in-as.ts";
import { newExample, newFolder, pack, ROOT, run } from "./new-app.ts";

const EXAMPLES = readdirSync(join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Tests that run a synthesized example locally, by the example's name. */
const LOCALLY: Readonly<Record<string, (assembly: Assembly) => Promise<void>>> = {
  "cognito-api": tryCognitoApi,
  "mcp-server": tryMcpServer,
};

/** Runs a synthesized example's stack, like `npm start -- --app`. */
async function runStack(
  assembly: Assembly,
  use: (stack: LocalStack) => Promise<void>,
  options: Partial<LocalStackOptions> = {},
) {
  const stack = await startLocalStack({
    ...options,
    assembly,
    port: 0,
    dynamodbPort: 0,
    eventbridgePort: 0,
  });
  try {
    await use(stack);
  } finally {
    await stack.close();
  }
}

/** Returns the URL of the endpoint whose logical ID starts with `part`. */
function getAddress(stack: LocalStack, part: string): string {
  const [, url] = [...stack.endpoints].find(([id]) => id.startsWith(part)) ?? [];
  if (url === undefined) throw new Error(`the app has no ${part}`);
  return url;
}

/** Signs in with the example's client, calls a tool, and checks the audit log. */
async function tryMcpServer(assembly: Assembly): Promise<void> {
  const issuer = await startLocalIssuer(0, { signIn: true });
  const options = { templateIssuer: "https://login.example.com", issuerUrl: issuer.url };
  await runStack(
    assembly,
    async (stack) => {
      const server = new URL(`${getAddress(stack, "Api")}/mcp`);
      const client = await connectAsUser(server, (page) => void signInAs("ada", page));
      const { content } = await client.callTool({ name: "cancel_order", arguments: { id: "42" } });
      await client.close();
      expect(content).toEqual([
        { type: "text", text: '{"id":"42","user":"ada","state":"cancelled"}' },
      ]);
      await settled(stack);
      const library = libraryContext(stack, systemClock, console);
      const { events } = await queryEvents(library, { userId: "ada", limit: 100 });
      expect(events.map(({ event_data }) => event_data.mcp_tool)).toContain("cancel_order");
    },
    options,
  ).finally(() => issuer.close());
}

/** Calls the API with tokens from its user pool, and checks the audit log. */
async function tryCognitoApi(assembly: Assembly): Promise<void> {
  await runStack(assembly, async (stack) => {
    const endpoint = (part: string) => getAddress(stack, part);
    const [pool] = stack.userPools;
    const [, client = "", secret = ""] =
      /-u ([^:]+):(\S+)/.exec(pool?.tokenCommands[0] ?? "") ?? [];
    const issue = async (form: Record<string, string>, password = secret) => {
      const answer = await fetch(`${endpoint("Users")}/oauth2/token`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`${client}:${password}`).toString("base64")}`,
        },
        body: new URLSearchParams({ grant_type: "client_credentials", ...form }),
      });
      return (await answer.json()) as { access_token?: string; error?: string };
    };
    expect(await issue({}, "wrong")).toEqual({ error: "invalid_client" });
    expect(await issue({ scope: "orders/steal" })).toEqual({ error: "invalid_scope" });
    const { access_token: token = "" } = await issue({ scope: "orders/read" });
    // Cognito's access tokens have no `typ` and no `aud`.
    expect(decodeProtectedHeader(token)).toEqual({ alg: "RS256", kid: "local" });
    expect(decodeJwt(token)).toMatchObject({ token_use: "access", client_id: client });
    const call = async (method: string, path: string, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await fetch(`${endpoint("Api")}${path}`, { method, headers });
      return { status: answer.status, body: await answer.json() };
    };
    expect(await call("GET", "/orders/42", `Bearer ${token}`)).toEqual({
      status: 200,
      body: { order: "42", client, user: null, scopes: ["orders/read"] },
    });
    expect((await call("POST", "/orders", `Bearer ${token}`)).status).toBe(403);
    expect((await call("GET", "/orders")).status).toBe(401);
    const library = libraryContext(stack, systemClock, console);
    await revokePrincipal(library, { kind: "client", id: client });
    expect((await call("GET", "/orders/42", `Bearer ${token}`)).status).toBe(401);
    await settled(stack);
    const { events } = await queryEvents(library, { clientId: client, limit: 100 });
    expect(
      events.map(({ event_type, event_data }) => event_data.reason ?? event_type).sort(),
    ).toEqual([
      "access_revoked",
      "revoked_token",
      "scope_violation",
      "token_revoked",
      "token_seen",
      "token_used",
    ]);
  });
}

let tarball: string;

beforeAll(async () => {
  tarball = await pack(newFolder("packed"));
}, 60_000);

describe.each(EXAMPLES)("the example %s", (name) => {
  it("installs the package from the repository", () => {
    const folder = join(ROOT, "examples", name);
    const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(dependencies["oauth-monitoring"]).toBe("file:../..");
    // A link would resolve peer dependencies from the repository. The types from a second copy of aws-cdk-lib would be
    // incompatible.
    expect(readFileSync(join(folder, ".npmrc"), "utf8")).toContain("install-links=true");
    expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(`cd examples/${name}`);
  });

  it("compiles, passes its tests and synthesizes", { timeout: 300_000 }, async () => {
    const folder = await newExample(name, tarball);
    await run(folder, "npx", "tsc");
    await run(folder, "npm", "test");
    await run(folder, "npx", "cdk", "synth", "--quiet");
    const templates = readdirSync(join(folder, "cdk.out")).filter((file) =>
      file.endsWith(".template.json"),
    );
    expect(templates).toHaveLength(1);
    expect(readFileSync(join(folder, "cdk.out", templates[0] as string), "utf8")).toContain(
      "MonitoringTokensTable",
    );
    await LOCALLY[name]?.(readAssembly(join(folder, "cdk.out")));
  });
});

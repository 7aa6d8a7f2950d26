import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as z from "zod";
import { DAY_MS, SECOND_MS, systemClock } from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/errors.ts";
import { forEachTable, tableLabel } from "../../shared/core/tables.ts";
import { startSession } from "../../shared/tokens/client-session.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { registerClient } from "../../shared/tokens/oauth-client.ts";
import { synthesizeApp } from "../build/synthesize.ts";
import { requireJava } from "../services/dynamodb-local.ts";
import { DEMO_NETWORKS } from "../traffic/world/demo-enrichment.ts";
import { seedDemo } from "./demo-data.ts";
import { createFunctionLog } from "./function-log.ts";
import { deployedEnvironment, type LibraryContext, libraryContext } from "./library-context.ts";
import { LOCAL_ISSUERS, type LocalIssuer, startLocalIssuer } from "./local-issuer.ts";
import { type LocalStack, startLocalStack } from "./local-stack.ts";
import { readAssembly } from "./other-app.ts";
import { readSecretsFile } from "./secrets-file.ts";

const USAGE = `npm start -- [--no-demo] [--data DIR] [--app DIR [--issuer URL]]

  --seed-demo   store demo data if the tables are empty (default)
  --no-demo     start with empty tables
  --data DIR    keep the tables in DIR instead of in memory
  --app DIR     run the stack of another CDK app, synthesized into DIR (cdk.out), with its HTTP APIs, function URLs
                and user pools; its only REST API is the admin API
  --issuer URL  the app's issuer: replaced by a local one where any user can sign in
  --secrets FILE
                secrets for Secrets Manager: a JSON object of values by ARN
  --trust-forwarded-for
                use X-Forwarded-For as the caller's address, to simulate several callers

PORT (default 3000), DYNAMODB_PORT, EVENTBRIDGE_PORT and ISSUER_PORT (default: any free port) set the ports;
0 means any free port.`;

const LOCAL_DIRECTORY = fileURLToPath(new URL("../../.local/", import.meta.url));
const STACK_FILE = join(LOCAL_DIRECTORY, "stack.json");
const FUNCTION_LOG = join(LOCAL_DIRECTORY, "functions.log");

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const portsSchema = z.object({
  PORT: port(3000),
  DYNAMODB_PORT: port(0),
  EVENTBRIDGE_PORT: port(0),
  ISSUER_PORT: port(0),
});

function readArguments() {
  const { values } = parseArgs({
    options: {
      "seed-demo": { type: "boolean" },
      "no-demo": { type: "boolean" },
      data: { type: "string" },
      app: { type: "string" },
      issuer: { type: "string" },
      secrets: { type: "string" },
      "trust-forwarded-for": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const ports = portsSchema.safeParse(process.env);
  if (!ports.success) throw new Error(`invalid port: ${explain(ports.error)}`);
  return { ...values, ports: ports.data };
}

/** Issues tokens and starts a session for trying out the stack. The statistics include them. */
async function issueOperatorTokens(context: LibraryContext) {
  await registerClient(context, { clientId: "local-admin", name: "Local admin" });
  await registerClient(context, { clientId: "local-caller", name: "Local caller" });
  const expiresInSeconds = (30 * DAY_MS) / SECOND_MS;
  const admin = await issueToken(context, {
    clientId: "local-admin",
    scopes: ["oauth:admin", "oauth:respond"],
    expiresInSeconds,
  });
  const caller = await issueToken(context, {
    clientId: "local-caller",
    userId: "local-user",
    scopes: ["api:read", "api:write", "mcp:use"],
    expiresInSeconds,
  });
  const session = await startSession(context, {
    clientId: "local-caller",
    userId: "local-user",
    scopes: ["mcp:use"],
    expiresInSeconds,
  });
  return { admin: admin.secret, caller: caller.secret, session: session.secret };
}

const abort = () => process.exit(130);

/** Logger that keeps only errors, used while the demo data is stored. */
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };

/** Runs a step and prints its duration. */
async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const startedMs = systemClock();
  const done = await work();
  console.log(`${title} ${((systemClock() - startedMs) / SECOND_MS).toFixed(1)} s`);
  return done;
}

/** Returns example calls to the default stack. */
function ownCalls(
  { url }: LocalStack,
  issuer: LocalIssuer,
  { jwt, caller }: { readonly jwt: string; readonly caller: string },
): string {
  return `Call the API as a client:
  curl -i ${url}/api/hello -H 'Authorization: Bearer ${caller}'

Call it with a JWT from the authorization server at ${issuer.url}:
  curl -i ${url}/api/hello -H 'Authorization: Bearer ${jwt}'

Get another JWT:
  ${issuer.tokenCommand}`;
}

/** Returns the URLs of another app's APIs, and commands that request tokens from the app's user pools. */
function callsOfApp({ endpoints, userPools }: LocalStack, issuer: LocalIssuer | undefined): string {
  const addresses = [...endpoints].map(([id, url]) => `  ${url}  ${id}`);
  const commands = userPools.flatMap(({ tokenCommands }) => tokenCommands);
  return [
    "HTTP APIs, function URLs and user pools of the app:",
    ...addresses,
    ...(issuer ? ["", "Issuer, where any user can sign in:", `  ${issuer.url}`] : []),
    ...(commands.length > 0
      ? ["", "Get a token for an app client:", ...commands.map((command) => `  ${command}`)]
      : []),
  ].join("\n");
}

/** Returns an example call as the thief of the demo day. The dashboard shows the alert. */
const playTheft = (
  url: string,
  secret: string,
) => `Call the API with the stolen token of the alert in the dashboard. Open the alert, press Revoke, and call again:
  curl -i ${url}/api/orders -H 'Authorization: Bearer ${secret}'

`;

async function start(): Promise<void> {
  const options = readArguments();
  if (options.help) {
    console.log(USAGE);
    return;
  }
  // There is nothing to close until the stack is running.
  process.once("SIGINT", abort).once("SIGTERM", abort);
  const secrets = options.secrets === undefined ? undefined : readSecretsFile(options.secrets);
  await requireJava();
  mkdirSync(LOCAL_DIRECTORY, { recursive: true });
  const { app } = options;
  const assembly =
    app === undefined
      ? await step("Template synthesized", () =>
          synthesizeApp(join(LOCAL_DIRECTORY, "cdk.out"), {
            issuers: LOCAL_ISSUERS,
            ipEnrichment: { networks: [...DEMO_NETWORKS] },
          }),
        )
      : readAssembly(app);
  const isOwn = app === undefined;
  const issuer =
    isOwn || options.issuer !== undefined
      ? await startLocalIssuer(options.ports.ISSUER_PORT, { signIn: !isOwn })
      : undefined;
  const stack = await step("Stack started", () =>
    startLocalStack({
      assembly,
      port: options.ports.PORT,
      dynamodbPort: options.ports.DYNAMODB_PORT,
      eventbridgePort: options.ports.EVENTBRIDGE_PORT,
      dataDirectory: options.data === undefined ? undefined : resolve(options.data),
      objectsDirectory: join(LOCAL_DIRECTORY, "s3"),
      secrets,
      trustForwardedFor: options["trust-forwarded-for"],
      issuerUrl: issuer?.url,
      templateIssuer: options.issuer,
      log: createFunctionLog(FUNCTION_LOG, (line) => console.error(line)),
    }),
  );

  process.removeListener("SIGTERM", abort).removeListener("SIGINT", abort);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      rmSync(STACK_FILE, { force: true });
      void Promise.all([stack.close(), issuer?.close()]).then(() => process.exit(0));
    });
  }

  const context = libraryContext(stack, systemClock, QUIET);
  const tokens = await issueOperatorTokens(context);
  const jwt = isOwn ? await issuer?.issueToken() : undefined;
  const stolen =
    stack.isNew && !options["no-demo"]
      ? await step("Demo day stored", () => seedDemo(context))
      : undefined;

  const environment = deployedEnvironment(stack);
  const tables = forEachTable(tableLabel, (variable) => environment[variable]);
  const description = {
    url: stack.url,
    dynamodb_endpoint: stack.dynamodbEndpoint,
    eventbridge_endpoint: stack.eventbridgeEndpoint,
    s3_endpoint: stack.s3Endpoint,
    ip_enrichment_bucket: environment.IP_ENRICHMENT_BUCKET,
    event_bus_name: environment.EVENT_BUS_NAME,
    event_bus_arn: stack.replay.busArn,
    stored_rule_arn: stack.replay.storedRuleArn,
    archive_arn: stack.replay.archiveArn,
    admin_token: tokens.admin,
    caller_token: tokens.caller,
    caller_session_id: tokens.session,
    issuer_url: issuer?.url,
    caller_jwt: jwt,
    ...(stolen !== undefined && { stolen_token: stolen }),
    buffer_queue_url: stack.queueUrl("Buffer"),
    unpublished_queue_url: environment.UNPUBLISHED_QUEUE_URL,
    dead_letter_queue_url: environment.DEAD_LETTER_QUEUE_URL,
    tables,
    config: environment.OAUTH_MONITORING_CONFIG,
    pid: process.pid,
  };
  writeFileSync(STACK_FILE, JSON.stringify(description, null, 2), { mode: 0o600 });
  const calls =
    issuer && jwt !== undefined
      ? ownCalls(stack, issuer, { jwt, caller: tokens.caller })
      : callsOfApp(stack, issuer);
  console.log(`
oauth-monitoring is running at ${stack.url} (press Ctrl-C to stop)

Dashboard, and the admin token to sign in:
  ${stack.url}/admin/oauth/dashboard
  ${tokens.admin}

${calls}

${stolen === undefined ? "" : playTheft(stack.url, stolen)}Read the statistics as an administrator:
  curl -s ${stack.url}/admin/oauth/stats -H 'Authorization: Bearer ${tokens.admin}'

Read the audit log, newest first:
  curl -s '${stack.url}/admin/oauth/events?limit=5' -H 'Authorization: Bearer ${tokens.admin}'
`);
  for (const [id, url] of stack.endpoints) {
    if (id.includes("SignalsApi")) console.log(`Shared Signals:\n  ${url}\n`);
  }
}

start().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

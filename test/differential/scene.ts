import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { TABLE_VARIABLES, tableContextKey } from "../../shared/core/tables.ts";
import { startSession } from "../../shared/tokens/client-session.ts";
import { writeConfigFile } from "../config-file.ts";
import { startSigningIssuer } from "../integration/signing-issuer.ts";
import { createWorldAt, recordingLogger } from "../integration/world.ts";
import { configFor, SCOPES } from "./routes.ts";

const AUDIENCE = "https://api.example.com";
const CLIENT = "app";
const USER = "ada";

/** A token for calls. */
export interface TestToken {
  readonly name: string;
  readonly text: string;
  readonly scopes: readonly string[];
  /** Whether the user signed in with `acr` `mfa`. */
  readonly strong: boolean;
}

/** Input of `PutEvents` and `SendMessageBatch`. */
interface Batch {
  readonly Entries?: readonly {
    readonly Id?: string;
    readonly Detail?: string;
    readonly MessageBody?: string;
  }[];
}

/**
 * Starts an event bus, and the queue for events that could not be sent to it. Records the scopes that each allowed call
 * required, by the call's user agent.
 */
async function startBus() {
  const required = new Map<string, readonly string[]>();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { Entries = [] } = JSON.parse(body) as Batch;
    for (const { Detail, MessageBody } of Entries) {
      const { event_type, event_data = {} } = JSON.parse(Detail ?? MessageBody ?? "{}");
      if (event_type !== "token_used") continue;
      required.set(event_data.user_agent, event_data.required_scopes ?? []);
    }
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
    const answer = {
      FailedEntryCount: 0,
      Entries: Entries.map((_, index) => ({ EventId: String(index) })),
      Successful: Entries.map(({ Id, MessageBody = "" }) => ({
        Id,
        MessageId: Id,
        MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex"),
      })),
    };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, required, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/**
 * Creates everything that adapters connect to: tables, a bus, an issuer, tokens and a session. Sets the environment
 * variables for this process, as a container or Lambda does.
 *
 * @param dynamodbEndpoint endpoint of DynamoDB Local
 */
export async function openScene(dynamodbEndpoint: string) {
  const issuer = await startSigningIssuer();
  const bus = await startBus();
  const config = configFor(issuer.issuer, AUDIENCE);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
    AWS_ENDPOINT_URL_SQS: bus.url,
    POWERTOOLS_DEV: "false",
    POWERTOOLS_LOG_LEVEL: "SILENT",
    POWERTOOLS_METRICS_DISABLED: "true",
  });
  const world = await createWorldAt(dynamodbEndpoint, config);
  const environment: Record<string, string> = {
    ...Object.fromEntries(
      TABLE_VARIABLES.map((variable) => [variable, world[tableContextKey(variable)]]),
    ),
    EVENT_BUS_NAME: "bus",
    UNPUBLISHED_QUEUE_URL: `${bus.url}/queue`,
    OAUTH_MONITORING_STACK: "differential",
    OAUTH_MONITORING_CONFIG: JSON.stringify(config),
    LAMBDA_TASK_ROOT: writeConfigFile(config),
  };
  const seconds = Math.floor(Date.now() / 1000);
  const token = async (name: string, scopes: readonly string[], strong = false) => ({
    name,
    scopes,
    strong,
    text: await issuer.sign({
      iss: issuer.issuer,
      aud: AUDIENCE,
      sub: USER,
      client_id: CLIENT,
      jti: name,
      iat: seconds,
      exp: seconds + 86_400,
      scope: scopes.join(" "),
      ...(strong && { acr: "mfa" }),
    }),
  });
  const tokens: readonly TestToken[] = await Promise.all([
    token("all", SCOPES, true),
    token("all-weak", SCOPES),
    token("pay-strong", ["pay"], true),
    token("old-reports+reports", ["old-reports", "reports"]),
    ...SCOPES.map((scope) => token(scope, [scope])),
  ]);
  const { secret } = await startSession(
    { ...world.context, clock: Date.now },
    { clientId: CLIENT, userId: USER, scopes: [...SCOPES], expiresInSeconds: 86_400 },
  );
  return {
    environment,
    logger: recordingLogger(),
    tokens,
    session: secret,
    /** Returns the scopes that were required for a call, or undefined if it was denied. */
    requiredBy: (callId: string) => bus.required.get(callId),
    async close() {
      bus.server.closeAllConnections();
      bus.server.close();
      await issuer.close();
    },
  };
}

export type Scene = Awaited<ReturnType<typeof openScene>>;

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { AccessPolicies } from "../services/access-policies.ts";
import { ApiGateway, MAX_HEADER_BYTES } from "../services/api-gateway.ts";
import { createAwsEndpoint } from "../services/aws-endpoint.ts";
import { createS3Endpoint, LocalBuckets } from "../services/buckets.ts";
import { DeliveryPermissions } from "../services/delivery-permissions.ts";
import { createDeliveryStreams, type DeliveryStream } from "../services/delivery-streams.ts";
import { startDynamoDbLocal } from "../services/dynamodb-local.ts";
import { createTables } from "../services/dynamodb-tables.ts";
import { EventBus } from "../services/event-bus.ts";
import { startEventSources } from "../services/event-source.ts";
import { findPort } from "../services/find-port.ts";
import { FunctionUrl } from "../services/function-url.ts";
import { HttpApi } from "../services/http-api.ts";
import { LocalKeys } from "../services/keys.ts";
import { LambdaFunctions } from "../services/lambda-functions.ts";
import { Notifications } from "../services/notifications.ts";
import { createQueues, dumpQueues, type Queues, queueNamed } from "../services/queues.ts";
import { Schedules } from "../services/schedules.ts";
import { createStoreGuard, type GuardedStore } from "../services/store-guard.ts";
import type { Assembly } from "../services/template.ts";
import { Template } from "../services/template.ts";
import { LocalUserPool } from "../services/user-pool.ts";
import { handleLocalRoute } from "./local-routes.ts";

/** Issuer URL in the template. The stack replaces it with the local issuer's URL. */
export const TEMPLATE_ISSUER = "http://127.0.0.1:1";

export interface LocalStackOptions {
  readonly assembly: Assembly;
  /** 0 for any free port. */
  readonly port: number;
  readonly dynamodbPort: number;
  /**
   * A running DynamoDB Local to use instead of starting one on `dynamodbPort`. It keeps running when the stack is
   * closed.
   */
  readonly runningStore?: GuardedStore | undefined;
  readonly eventbridgePort: number;
  /** Directory that keeps tables and queued messages between runs. By default, they are kept in memory only. */
  readonly dataDirectory?: string | undefined;
  /**
   * Directory for the buckets' objects. Without it, delivery streams write nothing and other objects are kept in
   * memory.
   */
  readonly objectsDirectory?: string | undefined;
  readonly log?: (line: string) => void;
  /** Contents of Secrets Manager, by ARN. */
  readonly secrets?: ReadonlyMap<string, string> | undefined;
  /** URL of a local issuer that replaces the template's issuer. */
  readonly issuerUrl?: string | undefined;
  /** Issuer URL in the template. Default: `TEMPLATE_ISSUER` */
  readonly templateIssuer?: string | undefined;
  /** Whether to use `X-Forwarded-For` as the caller's IP address. API Gateway does not do this. */
  readonly trustForwardedFor?: boolean | undefined;
  /** Path of the `aws-lambda-ric` program, to run functions with AWS's runtime, frozen between invocations. */
  readonly runtimeClient?: string | undefined;
  /** Overrides the queues' visibility timeouts, in seconds. */
  readonly visibilitySeconds?: number;
}

/** A running stack, with access to the parts that AWS would run. */
export interface LocalStack {
  readonly url: string;
  readonly dynamodbEndpoint: string;
  /** Endpoint of EventBridge, SQS, SNS, Secrets Manager and KMS. */
  readonly eventbridgeEndpoint: string;
  readonly s3Endpoint: string;
  readonly eventBus: EventBus;
  readonly queues: Queues;
  readonly functions: LambdaFunctions;
  /** Permissions of the functions' roles. The local stack denies everything else. */
  readonly access: AccessPolicies;
  readonly schedules: Schedules;
  readonly notifications: Notifications;
  readonly deliveryStreams: ReadonlyMap<string, DeliveryStream>;
  readonly functionNames: readonly string[];
  /** URLs of the template's HTTP APIs, function URLs and user pools, by logical ID. */
  readonly endpoints: ReadonlyMap<string, string>;
  readonly userPools: readonly LocalUserPool[];
  /** Returns the name of the only function, queue or table whose logical ID contains `part`. */
  named(kind: "function" | "queue" | "table", part: string): string;
  /** Parameters for a replay of the bus's archive. */
  readonly replay: {
    readonly busArn: string;
    readonly storedRuleArn: string;
    /** Undefined if the configuration disables the archive. */
    readonly archiveArn: string | undefined;
  };
  /** Returns the URL of the only queue whose logical ID contains `part`. */
  queueUrl(part: string): string;
  /** Whether the store had no tables before. */
  readonly isNew: boolean;
  /** Makes the store unreachable for the functions, as an outage would. */
  stopStore(): Promise<void>;
  close(): Promise<void>;
}

/** Longer than clients keep idle connections open, so that no client writes to a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000;

async function listen(server: Server, port: number, variable: string): Promise<number> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const free = await findPort(port, variable);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(free, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Restores the messages that were in the queues when the stack last stopped. */
async function restoreQueues(queues: Queues, file: string): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  for (const [name, messages] of Object.entries(
    JSON.parse(text) as ReturnType<typeof dumpQueues>,
  )) {
    for (const { body, attributes } of messages) queueNamed(queues, name).send(body, attributes);
  }
}

/** Starts the stack's own DynamoDB Local. */
async function startStore(
  { dynamodbPort, dataDirectory }: LocalStackOptions,
  closing: (() => Promise<void> | void)[],
): Promise<GuardedStore> {
  const dynamodb = await startDynamoDbLocal({ port: dynamodbPort, dataDirectory });
  closing.push(dynamodb.close);
  return { endpoint: dynamodb.endpoint };
}

/** An HTTP API, a function URL or a user pool. The URL is known before the service behind it is created. */
interface Endpoint {
  service:
    | { handle(request: IncomingMessage, response: ServerResponse): Promise<void> }
    | undefined;
  readonly url: string;
}

/** Starts a server for each HTTP API, function URL and user pool of the template. */
async function openEndpoints(
  template: Template,
  closing: (() => Promise<void> | void)[],
): Promise<ReadonlyMap<string, Endpoint>> {
  const endpoints = new Map<string, Endpoint>();
  const ids = [
    ...HttpApi.idsIn(template),
    ...FunctionUrl.functionsIn(template).keys(),
    ...LocalUserPool.idsIn(template),
  ];
  for (const id of ids) {
    const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      const service = endpoints.get(id)?.service;
      if (service) void service.handle(request, response);
      else response.writeHead(503).end();
    });
    const url = `http://127.0.0.1:${await listen(server, 0, "")}`;
    closing.push(() => close(server));
    endpoints.set(id, { service: undefined, url });
    template.setAddress(id, url);
  }
  return endpoints;
}

/** Creates the service behind each endpoint, which needs the functions. Returns the user pools. */
function serveEndpoints(
  endpoints: ReadonlyMap<string, Endpoint>,
  template: Template,
  functions: LambdaFunctions,
  options: LocalStackOptions,
): LocalUserPool[] {
  const targets = FunctionUrl.functionsIn(template);
  const poolIds = new Set(LocalUserPool.idsIn(template));
  const pools: LocalUserPool[] = [];
  for (const [id, endpoint] of endpoints) {
    const target = targets.get(id);
    if (poolIds.has(id)) {
      const pool = new LocalUserPool(template, id, endpoint.url);
      endpoint.service = pool;
      pools.push(pool);
    } else if (target === undefined) {
      endpoint.service = new HttpApi(template, id, functions, options);
    } else endpoint.service = new FunctionUrl(id, target, functions, options);
  }
  return pools;
}

/** Returns the rule that sends the custom bus's events to the subscriber's queue. */
function storedRule(template: Template): string {
  const rules = template.resources<{ readonly EventBusName?: string }>("AWS::Events::Rule");
  const bus = template.only("AWS::Events::EventBus").logicalId;
  const [first, second] = rules.filter(
    ({ logicalId, properties }) =>
      properties.EventBusName === bus && logicalId.includes("EventFlowStored"),
  );
  if (!first || second) throw new Error("the bus must have exactly one rule that stores events");
  return first.logicalId;
}

/**
 * Runs the synthesized stack on this machine: the deployed bundles with the unmodified SDK. Tables, rules, queues,
 * routes, schedules and environment variables come from the template.
 *
 * @throws PortInUseError when a port is in use
 * @throws Error when Java is missing
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const log = options.log ?? (() => {});
  const { templateIssuer = TEMPLATE_ISSUER, issuerUrl = templateIssuer } = options;
  const closing: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  try {
    let stack: { gateway: ApiGateway; schedules: Schedules } | undefined;
    let queues: Queues = new Map();
    let bus: EventBus | undefined;
    const notifications = new Notifications();
    const front = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      if (!stack) response.writeHead(503).end();
      else if (request.url?.startsWith("/_local/")) {
        const { schedules } = stack;
        void handleLocalRoute(request, response, { schedules, queues, notifications });
      } else void stack.gateway.handle(request, response);
    });
    const port = await listen(front, options.port, "PORT");
    closing.push(() => close(front));

    let access: AccessPolicies | undefined;
    let keys: LocalKeys | undefined;
    let lambda: LambdaFunctions | undefined;
    const aws = createAwsEndpoint(
      () => bus as EventBus,
      () => queues,
      notifications,
      () => access as AccessPolicies,
      options.secrets,
      () => keys as LocalKeys,
      () => lambda?.accountSettings() ?? {},
    );
    const awsPort = await listen(aws, options.eventbridgePort, "EVENTBRIDGE_PORT");
    closing.push(() => close(aws));
    const eventbridgeEndpoint = `http://127.0.0.1:${awsPort}`;

    let buckets: LocalBuckets | undefined;
    const s3 = createS3Endpoint(
      () => buckets as LocalBuckets,
      () => access as AccessPolicies,
    );
    const s3Endpoint = `http://127.0.0.1:${await listen(s3, 0, "")}`;
    closing.push(() => close(s3));

    const store = options.runningStore ?? (await startStore(options, closing));
    const template = new Template(options.assembly, eventbridgeEndpoint);
    const endpoints = await openEndpoints(template, closing);
    access = new AccessPolicies(template);
    keys = new LocalKeys(template);
    buckets = new LocalBuckets(template, options.objectsDirectory);
    const guard = createStoreGuard(access, store);
    const guardEndpoint = `http://127.0.0.1:${await listen(guard, 0, "")}`;
    closing.push(() => close(guard));
    const dynamodbEndpoint = options.runningStore ? guardEndpoint : store.endpoint;
    const isNew = await createTables(template, dynamodbEndpoint);
    queues = createQueues(template, options.visibilitySeconds);
    const functions = new LambdaFunctions(template, {
      endpoints: {
        AWS_ENDPOINT_URL_DYNAMODB: guardEndpoint,
        AWS_ENDPOINT_URL_EVENTBRIDGE: eventbridgeEndpoint,
        AWS_ENDPOINT_URL_SQS: eventbridgeEndpoint,
        AWS_ENDPOINT_URL_SNS: eventbridgeEndpoint,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: eventbridgeEndpoint,
        AWS_ENDPOINT_URL_KMS: eventbridgeEndpoint,
        AWS_ENDPOINT_URL_S3: s3Endpoint,
      },
      log,
      rewrite: (value) => value.replaceAll(templateIssuer, issuerUrl),
      runtimeClient: options.runtimeClient,
    });
    lambda = functions;
    closing.push(() => functions.close());
    const deliveryStreams = createDeliveryStreams(
      template,
      functions,
      options.objectsDirectory,
      log,
    );
    closing.push(async () => {
      for (const stream of deliveryStreams.values()) await stream.close();
    });
    bus = new EventBus(
      template,
      (id) => deliveryStreams.get(id) ?? queueNamed(queues, id),
      template.only("AWS::Events::EventBus").logicalId,
      new DeliveryPermissions(template),
    );
    closing.push(() => bus?.close());
    const queueFile = options.dataDirectory && join(options.dataDirectory, "queues.json");
    if (queueFile) await restoreQueues(queues, queueFile);
    closing.push(async () => {
      if (queueFile && options.dataDirectory) {
        await mkdir(options.dataDirectory, { recursive: true });
        await writeFile(queueFile, JSON.stringify(dumpQueues(queues)));
      }
      for (const queue of queues.values()) queue.close();
    });
    closing.push(startEventSources(template, queues, functions, access));
    const schedules = new Schedules(template, functions, log);
    closing.push(() => schedules.stop());
    stack = { gateway: new ApiGateway(template, functions, options), schedules };

    const userPools = serveEndpoints(endpoints, template, functions, options);

    const ids = {
      function: template.resources("AWS::Lambda::Function").map(({ logicalId }) => logicalId),
      queue: [...queues.keys()],
      table: template.resources("AWS::DynamoDB::Table").map(({ logicalId }) => logicalId),
    };
    const named: LocalStack["named"] = (kind, part) => {
      const [first, second] = ids[kind].filter((id) => id.includes(part));
      if (!first || second) throw new Error(`exactly one ${kind} must have ${part} in its name`);
      return first;
    };
    return {
      url: `http://127.0.0.1:${port}`,
      dynamodbEndpoint,
      eventbridgeEndpoint,
      s3Endpoint,
      eventBus: bus,
      queues,
      functions,
      access,
      schedules,
      notifications,
      deliveryStreams,
      functionNames: ids.function,
      endpoints: new Map([...endpoints].map(([id, { url }]) => [id, url])),
      userPools,
      replay: {
        busArn: template.arn(bus.name),
        storedRuleArn: template.arn(storedRule(template)),
        archiveArn: bus.archives[0]?.arn,
      },
      isNew,
      stopStore: () => close(guard),
      named,
      queueUrl: (part) => template.queueUrl(named("queue", part)),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { AwsService } from "../../local/services/aws-endpoint.ts";

/**
 * The services that a process calls: EventBridge, SQS and DynamoDB. DynamoDB's transactions count as a separate
 * service.
 */
export type Service = "bus" | "queue" | "store" | "transactions";

/**
 * How a call fails: it is rejected immediately; it succeeds but the response is lost; it succeeds in part; or the
 * process is killed just before the call is sent or just after it succeeds.
 */
export type FaultKind =
  | "throttle"
  | "server error"
  | "no answer"
  | "lost answer"
  | "partial"
  | "kill before"
  | "kill after";

/** An error that affects calls `from` to `from + calls - 1` of a service, counted from the last `begin`. */
export interface Fault {
  readonly service: Service;
  readonly kind: FaultKind;
  readonly from: number;
  readonly calls: number;
  /** For a partial success, bit `i` rejects every fourth entry, starting with entry `i`. */
  readonly rejected: number;
}

type Handler = NonNullable<DynamoDBClientConfig["requestHandler"]>;
type SdkHandler = DynamoDBClient["config"]["requestHandler"];

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Entries = readonly Record<string, unknown>[];

const STORE_ERRORS = {
  throttle: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
  server: "com.amazonaws.dynamodb.v20120810#InternalServerError",
};

/** Each service's error types, as sent over HTTP. */
const ERRORS: Readonly<Record<Service, { throttle: string; server: string }>> = {
  bus: { throttle: "ThrottlingException", server: "InternalException" },
  queue: { throttle: "com.amazonaws.sqs#RequestThrottled", server: "InternalFailure" },
  store: STORE_ERRORS,
  transactions: STORE_ERRORS,
};

const noCalls = (): Record<Service, number> => ({ bus: 0, queue: 0, store: 0, transactions: 0 });

const hangUp = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

const toText = (body: unknown) =>
  typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array);

/**
 * Injects errors between one process and the AWS services: below the SDK's retries and above the real or emulated
 * services. Once the process is killed, no call gets through.
 */
export class FaultyWire {
  #faults: readonly Fault[] = [];
  #calls = noCalls();
  #killed = false;
  #struck = false;

  get killed(): boolean {
    return this.#killed;
  }

  /** Whether an error occurred since the last `begin`. */
  get struck(): boolean {
    return this.#struck;
  }

  /** Plans the errors of the next unit of work. */
  begin(faults: readonly Fault[]): void {
    this.#faults = faults;
    this.#calls = noCalls();
    this.#struck = false;
  }

  /** Returns the request handler for a client of the bus or the queues. */
  toLocal(service: Service, local: AwsService): Handler {
    return this.#handler(service, async ({ headers, body }) => {
      const answer = await local(String(headers["x-amz-target"]), body);
      return { status: answer.status, body: JSON.parse(answer.body) };
    });
  }

  /** Returns the request handler for a client of DynamoDB Local. */
  toStore(store: SdkHandler): Handler {
    return this.#handler("store", async ({ request }) => {
      const { response } = await store.handle(request as never);
      const chunks: Buffer[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      return {
        status: response.statusCode,
        body: JSON.parse(Buffer.concat(chunks).toString("utf8")),
      };
    });
  }

  #handler(
    service: Service,
    send: (call: {
      request: unknown;
      headers: Record<string, string>;
      body: string;
    }) => Promise<Answer>,
  ): Handler {
    return {
      handle: async (request: { headers: Record<string, string>; body: unknown }) => {
        const { status, body } = await this.#carry(service, request, (text) =>
          send({ request: { ...request, body: text }, headers: request.headers, body: text }),
        );
        return {
          response: {
            statusCode: status,
            headers: { "content-type": "application/x-amz-json-1.0" },
            body: Buffer.from(JSON.stringify(body)),
          },
        };
      },
    };
  }

  async #carry(
    client: Service,
    { headers, body }: { headers: Record<string, string>; body: unknown },
    send: (body: string) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#killed) throw new Error("killed");
    const operation = String(headers["x-amz-target"]).split(".").at(-1) ?? "";
    const service = operation === "TransactWriteItems" ? "transactions" : client;
    const call = this.#calls[service];
    this.#calls[service] += 1;
    const fault = this.#faults.find(
      (each) => each.service === service && call >= each.from && call < each.from + each.calls,
    );
    const text = toText(body);
    if (!fault) return send(text);
    this.#struck = true;
    const error = (type: string, status: number): Answer => ({ status, body: { __type: type } });
    switch (fault.kind) {
      case "throttle":
        return error(ERRORS[service].throttle, 400);
      case "server error":
        return error(ERRORS[service].server, 500);
      case "no answer":
        throw hangUp();
      case "lost answer":
        await send(text);
        throw hangUp();
      case "kill before":
        this.#killed = true;
        throw new Error("killed");
      case "kill after":
        this.#killed = true;
        await send(text);
        throw new Error("killed");
      case "partial": {
        const part = await carryInPart(operation, JSON.parse(text), fault.rejected, (rest) =>
          send(JSON.stringify(rest)),
        );
        return part ?? error(ERRORS[service].throttle, 400);
      }
    }
  }
}

/** Sends a batch without the rejected entries. Returns undefined if the call does not send a batch. */
async function carryInPart(
  operation: string,
  // biome-ignore lint/suspicious/noExplicitAny: the input of any operation
  input: any,
  mask: number,
  send: (input: unknown) => Promise<Answer>,
): Promise<Answer | undefined> {
  const isRefused = (_: unknown, index: number) => ((mask >> (index % 4)) & 1) === 1;
  const isTaken = (entry: unknown, index: number) => !isRefused(entry, index);
  const entries: Entries = input.Entries ?? [];
  const rest = entries.filter(isTaken);
  switch (operation) {
    case "PutEvents": {
      const answer = rest.length > 0 ? await send({ ...input, Entries: rest }) : undefined;
      const accepted = [...((answer?.body as { Entries?: Entries })?.Entries ?? [])];
      const Entries = entries.map((entry, index) =>
        isRefused(entry, index) ? { ErrorCode: "ThrottlingException" } : accepted.shift(),
      );
      const FailedEntryCount = entries.length - rest.length;
      return { status: 200, body: { FailedEntryCount, Entries } };
    }
    case "SendMessageBatch": {
      const answer = rest.length > 0 ? await send({ ...input, Entries: rest }) : undefined;
      const Failed = entries
        .filter(isRefused)
        .map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false }));
      return { status: 200, body: { Successful: [], ...(answer?.body as object), Failed } };
    }
    case "TransactWriteItems": {
      const CancellationReasons = (input.TransactItems as unknown[]).map((_, index) => ({
        Code: index === 0 ? "TransactionConflict" : "None",
      }));
      const __type = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
      return { status: 400, body: { __type, CancellationReasons } };
    }
    case "BatchGetItem":
      return { status: 200, body: { Responses: {}, UnprocessedKeys: input.RequestItems } };
    default:
      return undefined;
  }
}

/** Returns the handler for DynamoDB Local that every process shares. */
export function storeHandler(): SdkHandler {
  return new DynamoDBClient({}).config.requestHandler;
}

interface RetryingClient {
  readonly config: { retryStrategy: DynamoDBClient["config"]["retryStrategy"] };
}

/** Keeps the SDK's retry decisions and attempts, but removes the delays. */
export async function withoutWaits<C extends RetryingClient>(client: C): Promise<C> {
  const strategy = await client.config.retryStrategy();
  if (!("retryBackoffStrategy" in strategy)) throw new Error("the SDK retries otherwise");
  strategy.retryBackoffStrategy = { setDelayBase() {}, computeNextBackoffDelay: () => 0 };
  client.config.retryStrategy = async () => strategy;
  return client;
}

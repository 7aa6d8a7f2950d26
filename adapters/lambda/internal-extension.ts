import { request } from "node:http";

/**
 * Runs work after a function has returned its response. An internal extension of the Lambda Extensions API keeps
 * the execution environment active until the work is done.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export interface AfterResponse {
  /**
   * Announces that an invocation will add work. Needed only if some invocations add none.
   *
   * @param requestId `awsRequestId` of the invocation
   * @returns whether the work will run after the response
   */
  announce(requestId: string): boolean;
  /**
   * Runs an invocation's work. With the extension, resolves immediately and runs the work after the response. Without
   * the extension (no Extensions API, or the registration failed), resolves when the work is done.
   *
   * @param requestId the ID that was passed to `announce`, if any
   */
  run(work: () => Promise<void>, requestId?: string): Promise<void>;
}

/** Options of the extension. */
export interface ExtensionOptions {
  /**
   * Milliseconds that the extension waits for `announce`. Without an announcement, the extension ends the invocation,
   * and work that is added later runs before the response.
   *
   * @default - waits for work in every invocation, without a limit
   */
  readonly maxWaitMs?: number;
}

const NAME = "oauth-monitoring-events";

interface Answer {
  readonly status: number;
  readonly identifier: string | undefined;
  readonly body: string;
}

/** Calls the Extensions API. A call to `event/next` returns when the next invocation starts. */
function call(
  api: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = "",
) {
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request(
      `http://${api}/2020-01-01/extension/${path}`,
      { method, headers },
      (incoming) => {
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (body += chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            body,
            status: incoming.statusCode ?? 0,
            identifier: incoming.headers["lambda-extension-identifier"] as string | undefined,
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/**
 * Resolves when the runtime has posted the response of a handler that is about to return. `aws-lambda-ric` 4 posts the
 * response one turn of the event loop after the handler has returned.
 */
export async function responsePosted(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs the work before the response, for environments without the Extensions API. */
const beforeResponse: AfterResponse = { announce: () => false, run: (work) => work() };

/**
 * Registers the extension during initialization and starts its loop. Each call to `event/next` signals to Lambda that
 * the previous invocation's work is done.
 */
export async function registerInternalExtension(
  api: string | undefined,
  onFailure: (error: unknown) => void,
  options: ExtensionOptions = {},
): Promise<AfterResponse> {
  if (!api) return beforeResponse;
  let identifier: string | undefined;
  try {
    const body = JSON.stringify({ events: ["INVOKE"] });
    const answer = await call(api, "POST", "register", { "Lambda-Extension-Name": NAME }, body);
    identifier = answer.identifier;
  } catch (error) {
    onFailure(error);
  }
  if (!identifier) return beforeResponse;
  return startLoop(api, identifier, onFailure, options);
}

/** Returns the request ID in an INVOKE event. */
function invokedRequest(body: string): string | undefined {
  return (JSON.parse(body || "{}") as { readonly requestId?: string }).requestId;
}

function startLoop(
  api: string,
  identifier: string,
  onFailure: (error: unknown) => void,
  { maxWaitMs }: ExtensionOptions,
): AfterResponse {
  let works: (() => Promise<void>)[] = [];
  let wake: (() => void) | undefined;
  let alive = true;
  let announced = maxWaitMs === undefined;
  /** Request ID of the most recent invocation that ended because no work was announced. */
  let released: string | undefined;

  /** Waits for an invocation's work. Gives up after `maxWaitMs` if no work was announced. */
  const workOrRelease = async () => {
    while (works.length === 0) {
      let timer: NodeJS.Timeout | undefined;
      const isOver = await new Promise<boolean>((resolve) => {
        wake = () => resolve(false);
        if (!announced) timer = setTimeout(() => resolve(true), maxWaitMs);
      });
      clearTimeout(timer);
      if (isOver && !announced && works.length === 0) return;
    }
  };

  const loop = async () => {
    while (alive) {
      const { status, body } = await call(api, "GET", "event/next", {
        "Lambda-Extension-Identifier": identifier,
      });
      if (status !== 200) throw new Error(`the Extensions API returned ${status}`);
      // Each invocation has one INVOKE event, and its handler adds at most one task.
      await workOrRelease();
      if (works.length === 0) {
        released = invokedRequest(body);
        continue;
      }
      await responsePosted();
      const due = works;
      works = [];
      announced = maxWaitMs === undefined;
      for (const work of due) await work().catch(onFailure);
    }
  };
  loop().catch(async (error) => {
    alive = false;
    onFailure(error);
    for (const work of works) await work().catch(onFailure);
  });

  const isLetGo = (requestId: string | undefined) =>
    !alive || (requestId !== undefined && requestId === released);
  return {
    announce(requestId) {
      if (isLetGo(requestId)) return false;
      announced = true;
      wake?.();
      return true;
    },
    async run(work, requestId) {
      if (isLetGo(requestId)) return work();
      works.push(work);
      wake?.();
    },
  };
}

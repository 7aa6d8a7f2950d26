import { request } from "node:http";

/**
 * Runs work after a function has returned its response. An internal extension of the Lambda Extensions API keeps
 * the execution environment active until the work is done.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export interface AfterResponse {
  /**
   * Says that work of an invocation will come. Only a function whose invocations do not all bring work needs it.
   *
   * @param requestId the invocation's, of Lambda's context
   * @returns whether the work will run after the response
   */
  announce(requestId: string): boolean;
  /**
   * Marks an invocation as answered. With the extension, it returns at once, and the work runs after the
   * response. Without the extension (no API, or a refused registration), it resolves when the work is done.
   *
   * @param requestId the invocation's, where `announce` had it
   */
  run(work: () => Promise<void>, requestId?: string): Promise<void>;
}

/** How an extension waits. */
export interface ExtensionOptions {
  /**
   * Milliseconds that the extension waits for an announcement of an invocation's work. An invocation without
   * one brings none, and its work, if it comes later, is done before the response.
   *
   * @default - every invocation brings work, however late
   */
  readonly patienceMs?: number;
}

const NAME = "oauth-monitoring-events";

interface Answer {
  readonly status: number;
  readonly identifier: string | undefined;
  readonly body: string;
}

/** One call of the Extensions API. `next` waits until the next invocation. */
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
 * Resolves when the runtime has posted the response of a handler that is about to return. `aws-lambda-ric` 4 posts it
 * one turn of the event loop after the handler returned.
 */
export async function responsePosted(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs the work before the response, when there is no Extensions API. */
const beforeResponse: AfterResponse = { announce: () => false, run: (work) => work() };

/**
 * Registers the extension while the function initializes, and starts its loop. Each `next` tells Lambda that the
 * work of the previous invocation is done.
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

/** The invocation that an INVOKE event tells of. */
function invokedRequest(body: string): string | undefined {
  return (JSON.parse(body || "{}") as { readonly requestId?: string }).requestId;
}

function startLoop(
  api: string,
  identifier: string,
  onFailure: (error: unknown) => void,
  { patienceMs }: ExtensionOptions,
): AfterResponse {
  let works: (() => Promise<void>)[] = [];
  let wake: (() => void) | undefined;
  let alive = true;
  let announced = patienceMs === undefined;
  /** The latest invocation that was let go because nothing had announced work of it. */
  let released: string | undefined;

  /** Waits for an invocation's work; without an announcement, not for long. */
  const workOrRelease = async () => {
    while (works.length === 0) {
      let timer: NodeJS.Timeout | undefined;
      const isOver = await new Promise<boolean>((resolve) => {
        wake = () => resolve(false);
        if (!announced) timer = setTimeout(() => resolve(true), patienceMs);
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
      if (status !== 200) throw new Error(`the Extensions API answered ${status}`);
      // Each invocation has one INVOKE event, and its handler adds at most one piece of work.
      await workOrRelease();
      if (works.length === 0) {
        released = invokedRequest(body);
        continue;
      }
      await responsePosted();
      const due = works;
      works = [];
      announced = patienceMs === undefined;
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

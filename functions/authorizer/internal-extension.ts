import { request } from "node:http";

/**
 * Runs work after a function has returned its response. An internal extension of the Lambda Extensions API keeps
 * the execution environment active until the work is done.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export interface AfterResponse {
  /**
   * Marks an invocation as answered. With the extension, it returns at once, and the work runs after the
   * response. Without the extension (no API, or a refused registration), it resolves when the work is done.
   */
  run(work: () => Promise<void>): Promise<void>;
}

const NAME = "oauth-monitoring-events";

interface Answer {
  readonly status: number;
  readonly identifier: string | undefined;
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
        incoming.resume();
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
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

/** Runs the work before the response, when there is no Extensions API. */
const beforeResponse: AfterResponse = { run: (work) => work() };

/**
 * Registers the extension while the function initializes, and starts its loop. Each `next` tells Lambda that the
 * work of the previous invocation is done.
 */
export async function registerInternalExtension(
  api: string | undefined,
  onFailure: (error: unknown) => void,
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
  return startLoop(api, identifier, onFailure);
}

function startLoop(
  api: string,
  identifier: string,
  onFailure: (error: unknown) => void,
): AfterResponse {
  let works: (() => Promise<void>)[] = [];
  let wake: (() => void) | undefined;
  let alive = true;

  const loop = async () => {
    while (alive) {
      const { status } = await call(api, "GET", "event/next", {
        "Lambda-Extension-Identifier": identifier,
      });
      if (status !== 200) throw new Error(`the Extensions API answered ${status}`);
      // Each invocation has one INVOKE event, and its handler adds one piece of work.
      if (works.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      // The work begins after the runtime has returned the response.
      await new Promise((resolve) => setImmediate(resolve));
      const due = works;
      works = [];
      for (const work of due) await work().catch(onFailure);
    }
  };
  loop().catch(async (error) => {
    alive = false;
    onFailure(error);
    for (const work of works) await work().catch(onFailure);
  });

  return {
    async run(work) {
      if (!alive) return work();
      works.push(work);
      wake?.();
      wake = undefined;
    },
  };
}

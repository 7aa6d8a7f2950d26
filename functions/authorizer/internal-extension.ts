import { request } from "node:http";

/**
 * Work that goes on after a function's response has been returned: an internal extension of the
 * Lambda Extensions API keeps the execution environment awake until the work is done.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export interface AfterResponse {
  /**
   * Marks an invocation as answered. With the extension, returns at once and the work runs after the
   * response; without it (API absent, registration refused) resolves when the work is done.
   */
  run(work: () => Promise<void>): Promise<void>;
}

const NAME = "oauth-monitoring-events";

interface Answer {
  readonly status: number;
  readonly identifier: string | undefined;
}

/** One call of the Extensions API; `next` waits for as long as the environment sleeps. */
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

/** Runs the work before the response: what remains where there is no Extensions API. */
const beforeResponse: AfterResponse = { run: (work) => work() };

/**
 * Registers the extension, which must happen while the function initializes, and begins its loop: each
 * `next` tells Lambda that the work of the invocation before is done.
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
      // One INVOKE event for each invocation, and one work from its handler.
      if (works.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      // The runtime hands the response out first; only then does the work begin.
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

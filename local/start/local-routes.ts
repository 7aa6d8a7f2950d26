import type { IncomingMessage, ServerResponse } from "node:http";
import { readText } from "../services/aws-endpoint.ts";
import type { Notifications } from "../services/notifications.ts";
import type { Queues } from "../services/queues.ts";
import type { Schedules } from "../services/schedules.ts";

/** The parts of the stack that the local routes show and control. */
interface LocalParts {
  readonly schedules: Schedules;
  readonly queues: Queues;
  readonly notifications: Notifications;
}

/** Serves routes that exist only in a local stack. They show and control what AWS does automatically. */
export async function handleLocalRoute(
  request: IncomingMessage,
  response: ServerResponse,
  { schedules, queues, notifications }: LocalParts,
): Promise<void> {
  const answer = (status: number, body: object, type = "application/json") => {
    response.writeHead(status, { "Content-Type": type });
    response.end(JSON.stringify(body));
  };
  const problem = (status: number, title: string, detail: string) =>
    answer(status, { type: "about:blank", title, status, detail }, "application/problem+json");

  const route = `${request.method} ${request.url}`;
  const [, name] = /^POST \/_local\/schedules\/([a-z0-9-]+)\/run$/.exec(route) ?? [];
  if (route === "GET /_local/schedules") return answer(200, { schedules: schedules.list() });
  if (route === "GET /_local/queues") {
    const list = [...queues].map(([queue, { visible, inFlight }]) => ({
      name: queue,
      visible,
      in_flight: inFlight,
    }));
    return answer(200, { queues: list });
  }
  if (route === "GET /_local/notifications") {
    return answer(200, { notifications: notifications.list });
  }
  if (name === undefined)
    return problem(404, "Not found", `the local route ${route} does not exist`);
  try {
    const body = await readText(request);
    answer(200, { name, result: await schedules.run(name, body ? JSON.parse(body) : {}) });
  } catch (error) {
    if (error instanceof RangeError) return problem(404, "Not found", error.message);
    problem(500, "Schedule failed", String(error));
  }
}

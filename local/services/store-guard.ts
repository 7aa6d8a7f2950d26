import { Agent, createServer, request, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type AccessPolicies, parsePrincipal } from "./access-policies.ts";
import { readText } from "./aws-endpoint.ts";
import { requestedAccess } from "./requested-access.ts";

/** The DynamoDB Local behind the guard. */
export interface GuardedStore {
  readonly endpoint: string;
  /** Access key to use for forwarded requests, if each access key has its own tables. */
  readonly accessKey?: string | undefined;
  /** Delay added to each call, in milliseconds, to simulate a slow store. */
  delayMs?: number;
}

/** Creates a proxy that denies calls as IAM would, because DynamoDB Local does not check permissions. */
export function createStoreGuard(policies: AccessPolicies, store: GuardedStore): Server {
  const agent = new Agent({ keepAlive: true });
  const guard = createServer((incoming, response) => {
    const forward = async () => {
      const body = await readText(incoming);
      if (store.delayMs) await sleep(store.delayMs);
      const accesses = requestedAccess(
        String(incoming.headers["x-amz-target"]),
        JSON.parse(body || "{}"),
      );
      const { authorization } = incoming.headers;
      const denial = policies.denial(parsePrincipal(authorization), accesses);
      if (denial !== undefined) {
        response.writeHead(400, { "Content-Type": "application/x-amz-json-1.0" });
        response.end(
          JSON.stringify({
            __type: "com.amazon.coral.service#AccessDeniedException",
            message: denial,
          }),
        );
        return;
      }
      const headers = { ...incoming.headers };
      if (store.accessKey !== undefined) {
        headers.authorization = authorization?.replace(
          /Credential=\w+\//,
          `Credential=${store.accessKey}/`,
        );
      }
      const outgoing = request(store.endpoint, { method: "POST", agent, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      outgoing.on("error", () => response.destroy());
      outgoing.end(body);
    };
    // The function was killed in the middle of its request.
    forward().catch(() => response.destroy());
  });
  guard.on("close", () => agent.destroy());
  return guard;
}

import { Agent, createServer, request, type Server } from "node:http";
import { type AccessPolicies, principalOf } from "./access-policies.ts";
import { readText } from "./aws-endpoint.ts";
import { requestedAccess } from "./requested-access.ts";

/** Stands before DynamoDB Local, which knows no permissions, and refuses functions what IAM would. */
export function createStoreGuard(policies: AccessPolicies, store: string): Server {
  const agent = new Agent({ keepAlive: true });
  const guard = createServer((incoming, response) => {
    const forward = async () => {
      const body = await readText(incoming);
      const accesses = requestedAccess(
        String(incoming.headers["x-amz-target"]),
        JSON.parse(body || "{}"),
      );
      const denial = policies.denial(principalOf(incoming.headers.authorization), accesses);
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
      const outgoing = request(
        store,
        { method: "POST", agent, headers: incoming.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      outgoing.on("error", () => response.destroy());
      outgoing.end(body);
    };
    // A function that was killed in the middle of its request.
    forward().catch(() => response.destroy());
  });
  guard.on("close", () => agent.destroy());
  return guard;
}

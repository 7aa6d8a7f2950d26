import * as z from "zod";
import { DAY_MS } from "../../shared/core/clock.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { listClients, unusedClients } from "../../shared/statistics/list-clients.ts";
import { registerClient } from "../../shared/tokens/oauth-client.ts";

const listSchema = z.object({ unused: z.coerce.number().positive().max(366).optional() });

/** `clients list`: lists active clients with the number of active tokens and the last use, or lists unused clients. */
export async function clientsList(target: Target, options: unknown): Promise<Report> {
  const { unused } = parseInput(listSchema, "the list", options);
  const all = await listClients(target);
  const clients = unused === undefined ? all : unusedClients(all, target.clock() - unused * DAY_MS);
  const rows = clients.map((client) => [
    printable(client.oauth_client_id),
    String(client.active_tokens),
    client.last_used_at ?? "never",
    printable(client.client_name),
  ]);
  const text =
    rows.length > 0 ? table(["CLIENT", "ACTIVE TOKENS", "LAST USED", "NAME"], rows) : "No clients.";
  return { json: { clients }, text };
}

/** `clients add`: registers a client, or sets the name of a client that is known from events. */
export async function clientsAdd(
  target: Target,
  options: { id: string; name: string },
): Promise<Report> {
  const client = await registerClient(target, { clientId: options.id, name: options.name });
  return { json: client, text: `Client ${client.oauth_client_id} is registered.` };
}

import * as z from "zod";
import { DAY_MS } from "../../shared/core/clock.ts";
import type { Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { listClients, unusedClients } from "../../shared/statistics/list-clients.ts";
import { registerClient } from "../../shared/tokens/oauth-client.ts";
import { daysSchema, parseOptions } from "../program/options.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

const listSchema = z.object({ unused: daysSchema.optional() });

async function clientsList(target: Target, options: unknown): Promise<Report> {
  const { unused } = parseOptions(listSchema, options);
  const allClients = await listClients(target);
  const clients =
    unused === undefined ? allClients : unusedClients(allClients, target.clock() - unused * DAY_MS);
  const rows = clients.map((client) => [
    client.oauth_client_id,
    client.active_tokens,
    client.last_used_at ?? "never",
    client.client_name,
  ]);
  const head = ["CLIENT", "ACTIVE TOKENS", "LAST USED", "NAME"];
  return { json: { clients }, text: tableOr("No clients.", head, rows) };
}

async function clientsAdd(target: Target, options: { id: string; name: string }): Promise<Report> {
  const client = await registerClient(target, { clientId: options.id, name: options.name });
  return { json: client, text: `Client ${client.oauth_client_id} is registered.` };
}

export function registerClients(program: ReportCommand): void {
  const clients = program.command("clients").description("manage OAuth clients");
  clients
    .command("list")
    .description("list active clients with their active tokens and last use")
    .option("--unused <days>", "only clients unused for this number of days")
    .runOnStack(clientsList);
  clients
    .command("add")
    .description("register a client, or set the name of a client known from its events")
    .requiredOption("--id <id>", "OAuth client id")
    .requiredOption("--name <name>", "display name")
    .examples('clients add --id mobile-app --name "Mobile app"')
    .runOnStack(clientsAdd);
}

import * as z from "zod";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
import { listSessionsOf } from "../../shared/response/list-held.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { holderOf, MOST_LISTED } from "./tokens.ts";

const listSchema = z.object({ client: z.string().optional(), user: z.string().optional() });

/** `sessions list`: lists a user's or client's active sessions. */
export async function sessionsList(target: Target, options: unknown): Promise<Report> {
  const holder = holderOf(parseInput(listSchema, "the options", options));
  const { items, more } = await listSessionsOf(target, holder, {
    nowMs: target.clock(),
    limit: MOST_LISTED,
  });
  const rows = items.map((session) => [
    session.session_id,
    printable(session.oauth_client_id),
    printable(session.user_id ?? ""),
    session.started_at,
    session.expires_at,
  ]);
  const head = ["SESSION", "CLIENT", "USER", "STARTED", "EXPIRES"];
  const text = rows.length > 0 ? table(head, rows) : "No active sessions.";
  return { json: { sessions: items, more }, text };
}

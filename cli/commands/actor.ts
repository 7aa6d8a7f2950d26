import { userInfo } from "node:os";
import type { Actor } from "../../shared/response/action.ts";

/** Returns the actor: the value of `--as`, or the user who is logged in on this machine. */
export function actorOf(as: string | undefined): Actor {
  return { kind: "administrator", id: as ?? userInfo().username };
}

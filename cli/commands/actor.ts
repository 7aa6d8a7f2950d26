import { userInfo } from "node:os";
import type { Actor } from "../../shared/response/action.ts";

/** Who acts: the user who is logged in on this machine, unless `--as` names somebody else. */
export function actorOf(as: string | undefined): Actor {
  return { kind: "administrator", id: as ?? userInfo().username };
}

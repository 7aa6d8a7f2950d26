import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { SessionStore } from "../sessions/client-session.ts";
import type { TokenStore } from "../tokens/access-token.ts";
import type { Tracking } from "../tracking/track-event.ts";
import type { Action, ActionRequest } from "./action.ts";
import type { ActionStore } from "./action-store.ts";

/** What an action needs. */
export interface ActionContext extends Tracking, TokenStore, SessionStore, ActionStore {
  readonly restrictionsTable: string;
  readonly config: MonitoringConfig;
}

/**
 * Takes an action, proposes it, or records it as if it had been taken, and publishes its event. When it resolves
 * with the state `done`, no call that begins later is let in.
 */
export type TakeAction = (context: ActionContext, request: ActionRequest) => Promise<Action>;

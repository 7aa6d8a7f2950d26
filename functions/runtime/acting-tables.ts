import { readEnvironment } from "../../shared/config/environment.ts";

/**
 * The tables that taking an action needs, as the library's contexts name them.
 *
 * @throws InvalidConfigError naming each variable that is missing
 */
export function actingTables() {
  const environment = readEnvironment(process.env, [
    "TOKENS_TABLE",
    "SESSIONS_TABLE",
    "HOLDINGS_TABLE",
    "ACTIONS_TABLE",
    "RESTRICTIONS_TABLE",
  ]);
  return {
    tokensTable: environment.TOKENS_TABLE,
    sessionsTable: environment.SESSIONS_TABLE,
    holdingsTable: environment.HOLDINGS_TABLE,
    actionsTable: environment.ACTIONS_TABLE,
    restrictionsTable: environment.RESTRICTIONS_TABLE,
  };
}

import { readEnvironment } from "../../shared/config/environment.ts";

/**
 * Returns the tables that are needed to take an action, named as in the library's contexts.
 *
 * @throws InvalidConfigError naming each missing variable
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

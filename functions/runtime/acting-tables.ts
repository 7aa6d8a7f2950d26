import { readEnvironment } from "../../shared/config/environment.ts";

/**
 * Returns the names of the tables that are needed to take an action, by the property names that the library's contexts
 * use.
 *
 * @throws InvalidConfigError naming each missing variable
 */
export function actingTables() {
  const environment = readEnvironment(process.env, [
    "TOKENS_TABLE",
    "SESSIONS_TABLE",
    "CREDENTIALS_TABLE",
    "ACTIONS_TABLE",
    "DENY_LIST_TABLE",
  ]);
  return {
    tokensTable: environment.TOKENS_TABLE,
    sessionsTable: environment.SESSIONS_TABLE,
    credentialsTable: environment.CREDENTIALS_TABLE,
    actionsTable: environment.ACTIONS_TABLE,
    denyListTable: environment.DENY_LIST_TABLE,
  };
}

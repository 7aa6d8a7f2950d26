import { readEnvironment } from "../../shared/config/environment.ts";
import {
  type TableContextKey,
  type TableVariable,
  tableContextKey,
} from "../../shared/core/tables.ts";

/** Tables that are needed to take an action. */
export const ACTING_TABLES = [
  "TOKENS_TABLE",
  "SESSIONS_TABLE",
  "CREDENTIALS_TABLE",
  "ACTIONS_TABLE",
  "DENY_LIST_TABLE",
] as const satisfies readonly TableVariable[];

/**
 * Returns the names of tables from the environment, by the property names that the library's contexts use.
 *
 * @throws InvalidConfigError naming each missing variable
 */
export function readTables<Variable extends TableVariable>(...variables: readonly Variable[]) {
  const names = readEnvironment<TableVariable>(process.env, variables);
  return Object.fromEntries(
    variables.map((variable) => [tableContextKey(variable), names[variable]]),
  ) as { readonly [Key in Variable as TableContextKey<Key>]: string };
}

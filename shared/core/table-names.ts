import { TABLES } from "./tables.ts";

/** Environment variable that contains a table's name: `CLEANUP_RUNS_TABLE`. */
export type TableVariable = keyof typeof TABLES;

type Words<Variable> = Variable extends `${infer Words}_TABLE` ? Words : never;
type Camel<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${Lowercase<First>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name>;

/** A table's name in a stack description: `cleanup_runs`. */
export type TableLabel = Lowercase<Words<TableVariable>>;

/** A table's name in code: `cleanupRuns`. */
export type TableProperty = Camel<Words<TableVariable>>;

export const TABLE_VARIABLES = Object.keys(TABLES) as TableVariable[];

/** `CLEANUP_RUNS_TABLE` → `cleanup_runs` */
export function tableLabel(variable: TableVariable): TableLabel {
  return variable.replace(/_TABLE$/, "").toLowerCase() as TableLabel;
}

/** `CLEANUP_RUNS_TABLE` → `cleanupRuns` */
export function tableProperty(variable: TableVariable): TableProperty {
  const camel = tableLabel(variable).replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return camel as TableProperty;
}

/** `CLEANUP_RUNS_TABLE` → `cleanupRunsTable`: the context property that contains the table's name */
export function tableContextKey(variable: TableVariable): `${TableProperty}Table` {
  return `${tableProperty(variable)}Table`;
}

/** `CLEANUP_RUNS_TABLE` → `CleanupRuns`: the construct id; the stack output is `…CleanupRunsTable` */
export function tableConstructId(variable: TableVariable): Capitalize<TableProperty> {
  const property = tableProperty(variable);
  return `${property.charAt(0).toUpperCase()}${property.slice(1)}` as Capitalize<TableProperty>;
}

/** Returns an object with one member per table. */
export function forEachTable<Key extends string, Value>(
  keyFor: (variable: TableVariable) => Key,
  valueFor: (variable: TableVariable) => Value,
): Readonly<Record<Key, Value>> {
  const members = TABLE_VARIABLES.map((variable) => [keyFor(variable), valueFor(variable)]);
  return Object.fromEntries(members);
}

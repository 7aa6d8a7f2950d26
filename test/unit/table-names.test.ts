import { expect, it } from "vitest";
import { readEnvironment } from "../../shared/config/environment.ts";
import {
  forEachTable,
  TABLE_VARIABLES,
  tableConstructId,
  tableContextKey,
  tableLabel,
  tableProperty,
} from "../../shared/core/table-names.ts";

it("gives a table one name in each place, from its definition alone", () => {
  const names = [tableLabel, tableProperty, tableContextKey, tableConstructId].map((name) =>
    name("CLEANUP_RUNS_TABLE"),
  );
  expect(names).toEqual(["cleanup_runs", "cleanupRuns", "cleanupRunsTable", "CleanupRuns"]);
  expect(tableLabel("TOKENS_TABLE")).toBe("tokens");
});

it("knows the variable of every table in a function's environment", () => {
  const variables = forEachTable(
    (variable) => variable,
    (variable) => `the ${variable}`,
  );
  expect(readEnvironment(variables, TABLE_VARIABLES)).toEqual(variables);
});

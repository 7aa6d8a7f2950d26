import { expect, it } from "vitest";
import { readEnvironment } from "../../shared/config/environment.ts";
import {
  forEachTable,
  TABLE_VARIABLES,
  tableConstructId,
  tableContextKey,
  tableLabel,
  tableProperty,
} from "../../shared/core/tables.ts";

it("table names are derived from the table definition", () => {
  const names = [tableLabel, tableProperty, tableContextKey, tableConstructId].map((name) =>
    name("CLEANUP_RUNS_TABLE"),
  );
  expect(names).toEqual(["cleanup_runs", "cleanupRuns", "cleanupRunsTable", "CleanupRuns"]);
  expect(tableLabel("TOKENS_TABLE")).toBe("tokens");
});

it("forEachTable returns an environment variable for every table", () => {
  const variables = forEachTable(
    (variable) => variable,
    (variable) => `the ${variable}`,
  );
  expect(readEnvironment(variables, TABLE_VARIABLES)).toEqual(variables);
});

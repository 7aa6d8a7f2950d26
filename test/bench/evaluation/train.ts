import { table } from "../../../shared/terminal/output.ts";
import { evaluate } from "./evaluate.ts";
import { trainSeeds } from "./seeds.ts";

/** Prints the report on the train seeds and writes no file: `npm run bench:train`. */
for (const { title, columns, rows } of await evaluate(trainSeeds(), console.error)) {
  console.log(
    `\n${title}\n\n${table(
      columns,
      rows.map((row) => row.map(String)),
    )}`,
  );
}

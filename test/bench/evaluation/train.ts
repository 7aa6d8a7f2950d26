import { table } from "../../../shared/terminal/output.ts";
import { evaluate } from "./evaluate.ts";
import { trainSeeds } from "./seeds.ts";

const wanted = process.argv.slice(2).map(Number);
const seeds = trainSeeds().filter(({ number }) => wanted.length === 0 || wanted.includes(number));

/** Prints the report on the train seeds and writes no file: `npm run bench:train -- 101` for one of them. */
for (const { title, columns, rows } of await evaluate(seeds, console.error)) {
  console.log(
    `\n${title}\n\n${table(
      columns,
      rows.map((row) => row.map(String)),
    )}`,
  );
}

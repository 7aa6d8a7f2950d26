import { table } from "../../../shared/core/terminal.ts";
import { evaluate } from "./evaluate.ts";
import { trainSeeds } from "./seeds.ts";

const WITHOUT = "--without-enrichment";
const given = process.argv.slice(2);
const wanted = given.filter((each) => each !== WITHOUT).map(Number);
const enrichment = !given.includes(WITHOUT);
const seeds = trainSeeds().filter(({ number }) => wanted.length === 0 || wanted.includes(number));

/**
 * Prints the report for the train seeds without writing files. `npm run bench:train -- 101` runs a single seed.
 * `--without-enrichment` disables IP enrichment.
 */
for (const { title, columns, rows } of await evaluate(seeds, console.error, { enrichment })) {
  console.log(
    `\n${title}\n\n${table(
      columns,
      rows.map((row) => row.map(String)),
    )}`,
  );
}

import type { Command, Option } from "commander";
import { buildProgram } from "../../cli/main.ts";

const INTRODUCTION = `<!-- Written by npm run docs from cli/main.ts. Do not edit. -->

# Command line

This page lists every command of \`oauth-monitoring\`, with its options and examples.

\`\`\`sh
npx oauth-monitoring stats
\`\`\`

By default, a command uses the running local stack. With \`--stack NAME\` it uses a deployed stack, with the
AWS CLI's region and credentials.
\`npx oauth-monitoring --version\` prints the version.

The exit code is 0 on success, 1 if the operation failed, and 2 if an argument is invalid.
Progress is printed to standard error, only in a terminal.
`;

/** A command with an action, and its full name. */
interface NamedCommand {
  readonly name: string;
  readonly command: Command;
}

function listCommands(command: Command, words: readonly string[] = []): NamedCommand[] {
  if (command.commands.length === 0) return [{ name: words.join(" "), command }];
  return command.commands.flatMap((each) => listCommands(each, [...words, each.name()]));
}

/** Returns a command's examples. Commander keeps them only in the help text. */
function getExamples(command: Command): string[] {
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const [, examples = ""] = help.split("\nExamples:\n");
  return examples
    .split("\n")
    .map((line) => line.replace(/^\s*\$ /, "npx "))
    .filter(Boolean);
}

const OR = new Intl.ListFormat("en", { type: "disjunction" });

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function list(options: readonly Option[]): string {
  const items = options.map(({ flags, description, mandatory, defaultValue }) => {
    const note = mandatory
      ? " (required)"
      : defaultValue === undefined
        ? ""
        : ` (default \`${defaultValue}\`)`;
    return `- \`${flags}\`: ${description}${note}\n`;
  });
  return items.join("");
}

/** Returns docs/command-line.md, generated from the parser. */
export function commandLinePage(): string {
  const commands = listCommands(buildProgram());
  const uses = (flags: string) =>
    commands.filter(({ command }) => command.options.some((option) => option.flags === flags));
  const isCommon = ({ flags }: Option) => uses(flags).length > commands.length / 2;
  const common = commands[0]?.command.options.filter(isCommon) ?? [];
  const sections = commands.map(({ name, command }) => {
    const own = command.options.filter((option) => !isCommon(option));
    const missing = common.filter(
      ({ flags }) => !command.options.some((option) => option.flags === flags),
    );
    const parameters = command.registeredArguments.map((each) => ` <${each.name()}>`).join("");
    const examples = getExamples(command);
    return [
      `\n## ${name}\n\n${sentence(command.description())}\n`,
      parameters && `\n\`\`\`sh\nnpx oauth-monitoring ${name}${parameters}\n\`\`\`\n`,
      own.length > 0 && `\n${list(own)}`,
      missing.length > 0 &&
        `\nNeeds no stack, so it has no ${OR.format(missing.map(({ long }) => `\`${long}\``))}.\n`,
      examples.length > 0 && `\n\`\`\`sh\n${examples.join("\n")}\n\`\`\`\n`,
    ]
      .filter(Boolean)
      .join("");
  });
  return `${INTRODUCTION}\n## Options of every command\n\n${list(common)}${sections.join("")}`;
}

import { dirname } from "node:path";
import ts from "typescript";

/** Placeholder for a map entry's name in a member path. */
export const ENTRY_NAME = "NAME";

/** Doc comments by member path: `retention.defaultDays`, `routes[].path`. */
export type SchemaComments = ReadonlyMap<string, string>;

/** Reads the compiler options from the project's tsconfig.json. */
function compilerOptions(file: string): ts.CompilerOptions {
  const found = ts.findConfigFile(dirname(file), ts.sys.fileExists);
  if (!found) throw new Error(`found no tsconfig.json in the folders above ${file}`);
  const { config } = ts.readConfigFile(found, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, dirname(found)).options;
}

/**
 * Reads the doc comments of an exported type's members with the TypeScript compiler. Descriptions live in comments so
 * that they add nothing to the functions' bundles.
 *
 * @param file module that exports the type
 * @throws Error when the module does not export it
 */
export function readComments(file: string, typeName: string): SchemaComments {
  // The schema needs none of the ambient types, which take long to load.
  const program = ts.createProgram([file], { ...compilerOptions(file), types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  const exported = module && checker.getExportsOfModule(module);
  const symbol = exported?.find(({ name }) => name === typeName);
  if (!symbol) throw new Error(`${file} does not export ${typeName}`);

  const comments = new Map<string, string>();
  const visit = (type: ts.Type, path: string): void => {
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      if (item) visit(item, `${path}[]`);
      return;
    }
    if (!(type.flags & ts.TypeFlags.Object)) return;
    for (const { type: entry } of checker.getIndexInfosOfType(type)) {
      visit(entry, `${path}.${ENTRY_NAME}`);
    }
    for (const member of checker.getPropertiesOfType(type)) {
      const memberPath = path ? `${path}.${member.name}` : member.name;
      const comment = ts.displayPartsToString(member.getDocumentationComment(checker));
      comments.set(memberPath, comment.replace(/\s+/g, " "));
      visit(checker.getNonNullableType(checker.getTypeOfSymbol(member)), memberPath);
    }
  };
  visit(checker.getDeclaredTypeOfSymbol(symbol), "");
  return comments;
}

import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "./new-app.ts";

const DIST = join(ROOT, "dist");

/** Whether our package declares a symbol. */
const isOurs = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.some((each) => each.getSourceFile().fileName.startsWith(DIST)) ?? false;

/** Whether a node names a type: `type T = …` or the `extends` clause of an interface. */
const isNamingType = (node: ts.Node): boolean =>
  ts.isTypeAliasDeclaration(node) || ts.isHeritageClause(node);

const isPrivate = (node: ts.Node): boolean =>
  (ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false)) ||
  (ts.isClassElement(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name));

/** A property of an exported interface or class, or an exported function, class, type or constant. */
export interface Documented {
  /** Name, such as `AttachOptions.except`. */
  readonly name: string;
  readonly doc: string;
  readonly defaultTag: string | undefined;
  readonly isOptional: boolean;
}

/** The exports of an entry point, read from its declarations like a user's compiler does. */
export class PublicSurface {
  readonly #checker: ts.TypeChecker;
  readonly #exported: ReadonlyMap<ts.Symbol, { readonly name: string; readonly onlyType: boolean }>;

  /** @param entry a file in `dist/`, such as `infra/index.d.mts` */
  constructor(entry: string) {
    const path = join(DIST, entry);
    const program = ts.createProgram([path], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      types: ["node"],
      strict: true,
    });
    this.#checker = program.getTypeChecker();
    const source = program.getSourceFile(path);
    const entrySymbol = source && this.#checker.getSymbolAtLocation(source);
    if (!entrySymbol) throw new Error(`${path} is not built: run npm run build`);
    this.#exported = new Map(
      this.#checker.getExportsOfModule(entrySymbol).map((symbol) => {
        const onlyType =
          symbol.declarations?.some((each) => ts.isExportSpecifier(each) && each.isTypeOnly) ??
          false;
        return [this.#resolve(symbol), { name: symbol.name, onlyType }];
      }),
    );
  }

  #resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  /** Names of all exports. */
  get names(): string[] {
    return [...this.#exported.values()].map(({ name }) => name);
  }

  /** Returns types that a public signature names but the entry point does not export, each as `type in export`. */
  unexported(): string[] {
    const missing = new Set<string>();
    for (const [symbol, { name, onlyType }] of this.#exported) {
      const visit = (node: ts.Node): void => {
        if (isPrivate(node)) return;
        // The alias or interface is the public name of the constant's type.
        if (ts.isTypeQueryNode(node) && ts.findAncestor(node, isNamingType)) return;
        // A class that is exported only as a type cannot be constructed.
        if (ts.isConstructorDeclaration(node) && onlyType) return;
        const named = ts.isTypeReferenceNode(node)
          ? node.typeName
          : ts.isExpressionWithTypeArguments(node)
            ? node.expression
            : ts.isTypeQueryNode(node)
              ? node.exprName
              : undefined;
        const found = named && this.#checker.getSymbolAtLocation(named);
        if (found) {
          const target = this.#resolve(found);
          const isParameter = (target.flags & ts.SymbolFlags.TypeParameter) !== 0;
          if (!isParameter && isOurs(target) && !this.#exported.has(target)) {
            missing.add(`${target.name} in ${name}`);
          }
        }
        node.forEachChild(visit);
      };
      for (const declaration of symbol.declarations ?? []) visit(declaration);
    }
    return [...missing].sort();
  }

  /** Returns exported subclasses of Error that do not extend a base class of ours. */
  errorsOutside(baseName: string): string[] {
    return [...this.#exported]
      .filter(([symbol]) => symbol.flags & ts.SymbolFlags.Class)
      .map(([symbol, { name }]) => {
        const ancestors: string[] = [];
        for (
          let type: ts.Type | undefined = this.#checker.getDeclaredTypeOfSymbol(symbol);
          type;
          type = this.#checker.getBaseTypes(type as ts.InterfaceType)[0]
        ) {
          ancestors.push(type.symbol.name);
        }
        return { name, ancestors };
      })
      .filter(({ ancestors }) => ancestors.includes("Error") && !ancestors.includes(baseName))
      .map(({ name }) => name);
  }

  /** Returns our own exports with their doc comments. */
  exports(): Documented[] {
    return [...this.#exported]
      .filter(([symbol]) => isOurs(symbol))
      .map(([symbol, { name }]) => this.#documented(symbol, name));
  }

  /** Returns the properties and methods of exported interfaces or classes, with their doc comments. */
  members(kind: "interfaces" | "classes"): Documented[] {
    const flag = kind === "interfaces" ? ts.SymbolFlags.Interface : ts.SymbolFlags.Class;
    return [...this.#exported]
      .filter(([symbol]) => isOurs(symbol) && symbol.flags & flag)
      .flatMap(([symbol, { name }]) =>
        [...(symbol.members?.values() ?? [])]
          .filter(
            (member) =>
              member.declarations?.some((each) => !isPrivate(each)) &&
              member.flags &
                (ts.SymbolFlags.Property | ts.SymbolFlags.Method | ts.SymbolFlags.Accessor),
          )
          .map((member) => this.#documented(member, `${name}.${member.name}`)),
      );
  }

  #documented(symbol: ts.Symbol, name: string): Documented {
    const tag = symbol.getJsDocTags(this.#checker).find((each) => each.name === "default");
    return {
      name,
      doc: ts.displayPartsToString(symbol.getDocumentationComment(this.#checker)),
      defaultTag: tag && ts.displayPartsToString(tag.text),
      isOptional: (symbol.flags & ts.SymbolFlags.Optional) !== 0,
    };
  }
}

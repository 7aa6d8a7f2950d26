import type { IConstruct } from "constructs";

/** Whether a construct is one of the parts or below one of them. */
export function isWithin(node: IConstruct, parts: readonly IConstruct[]): boolean {
  const path = new Set(node.node.scopes);
  return parts.some((part) => path.has(part));
}

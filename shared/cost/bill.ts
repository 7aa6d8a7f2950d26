import { dollarsOf, type PriceName } from "./prices.ts";

/** Parts of the bill, in the order in which a call incurs them. */
export const PARTS = [
  "API Gateway",
  "authorizer",
  "last use of tokens",
  "restrictions",
  "event bus",
  "archive",
  "queue",
  "subscriber",
  "events: items",
  "events: packs",
  "counters",
  "clients, values in use",
  "reads",
  "storage",
  "recovery",
  "logs",
  "keys",
  "detection, cleanup",
  "metrics, alarms, dashboard",
] as const;

export type Part = (typeof PARTS)[number];

/** Metered usage for one part of the bill. */
export interface Usage {
  readonly part: Part;
  readonly price: PriceName;
  readonly quantity: number;
}

/** Cost of one part of the bill. */
export interface BillLine {
  readonly part: Part;
  readonly dollars: number;
}

/** Parts that exist even without this product. Their costs aren't included in the sums. */
const NOT_OURS: ReadonlySet<Part> = new Set<Part>(["API Gateway"]);

/** Parts that don't depend on the number of calls. */
const FIXED: ReadonlySet<Part> = new Set<Part>([
  "keys",
  "detection, cleanup",
  "metrics, alarms, dashboard",
]);

/** Parts that incur costs as long as events are kept. */
const KEPT: ReadonlySet<Part> = new Set<Part>(["storage", "recovery"]);

/** Returns the cost of each part that has usage. */
export function billOf(usages: readonly Usage[]): BillLine[] {
  return PARTS.flatMap((part) => {
    const own = usages.filter((usage) => usage.part === part);
    if (own.length === 0) return [];
    const dollars = own.reduce((sum, { price, quantity }) => sum + dollarsOf(price, quantity), 0);
    return [{ part, dollars }];
  });
}

const sum = (lines: readonly BillLine[]) =>
  lines.reduce((total, { dollars }) => total + dollars, 0);

/** Sums of a bill in dollars. */
export interface BillSums {
  /** One-time cost of the calls, without API Gateway. */
  readonly calls: number;
  /** Cost of keeping the events for the whole retention period. */
  readonly kept: number;
  /** Cost that doesn't depend on traffic. */
  readonly fixed: number;
  /** Sum of the three costs above. */
  readonly total: number;
}

/** Returns the sums of a bill, all without API Gateway. */
export function sumsOf(lines: readonly BillLine[]): BillSums {
  const ours = lines.filter(({ part }) => !NOT_OURS.has(part));
  const kept = sum(ours.filter(({ part }) => KEPT.has(part)));
  const fixed = sum(ours.filter(({ part }) => FIXED.has(part)));
  const total = sum(ours);
  return { calls: total - kept - fixed, kept, fixed, total };
}

/** Multiplies usage by a factor. */
export function scaled(usages: readonly Usage[], factor: number): Usage[] {
  return usages.map((usage) => ({ ...usage, quantity: usage.quantity * factor }));
}

/** Adds up usage by part and price, keeping the order of the parts. */
export function addedUp(usages: readonly Usage[]): Usage[] {
  const sums = new Map<string, Usage>();
  for (const usage of usages) {
    const key = `${usage.part}\n${usage.price}`;
    const quantity = (sums.get(key)?.quantity ?? 0) + usage.quantity;
    sums.set(key, { ...usage, quantity });
  }
  return [...sums.values()].sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part));
}

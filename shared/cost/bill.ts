import { dollarsOf, type PriceName } from "./prices.ts";

/** The parts of the bill, in the way of a call. */
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

/** So much of something that AWS meters, for a part. */
export interface Usage {
  readonly part: Part;
  readonly price: PriceName;
  readonly quantity: number;
}

/** A part's dollars. */
export interface BillLine {
  readonly part: Part;
  readonly dollars: number;
}

/** Parts that are there without our product, and left out of its price. */
const NOT_OURS: ReadonlySet<Part> = new Set<Part>(["API Gateway"]);

/** Parts that do not grow with calls. */
const FIXED: ReadonlySet<Part> = new Set<Part>([
  "keys",
  "detection, cleanup",
  "metrics, alarms, dashboard",
]);

/** Parts that are paid for as long as events are kept. */
const KEPT: ReadonlySet<Part> = new Set<Part>(["storage", "recovery"]);

/** The dollars of each part that has any usage. */
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

/** Sums of a bill, in dollars. */
export interface BillSums {
  /** What grows with calls and is paid once, without API Gateway. */
  readonly calls: number;
  /** What keeping the events costs, for all their time. */
  readonly kept: number;
  /** What is paid whatever the traffic. */
  readonly fixed: number;
  /** All of these. */
  readonly total: number;
}

/** The sums of a bill that prices are judged by; API Gateway is in none. */
export function sumsOf(lines: readonly BillLine[]): BillSums {
  const ours = lines.filter(({ part }) => !NOT_OURS.has(part));
  const kept = sum(ours.filter(({ part }) => KEPT.has(part)));
  const fixed = sum(ours.filter(({ part }) => FIXED.has(part)));
  const total = sum(ours);
  return { calls: total - kept - fixed, kept, fixed, total };
}

/** The same usage, multiplied. */
export function scaled(usages: readonly Usage[], factor: number): Usage[] {
  return usages.map((usage) => ({ ...usage, quantity: usage.quantity * factor }));
}

/** Usage of one part and price added up, in the order of the parts. */
export function addedUp(usages: readonly Usage[]): Usage[] {
  const sums = new Map<string, Usage>();
  for (const usage of usages) {
    const key = `${usage.part}\n${usage.price}`;
    const quantity = (sums.get(key)?.quantity ?? 0) + usage.quantity;
    sums.set(key, { ...usage, quantity });
  }
  return [...sums.values()].sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part));
}

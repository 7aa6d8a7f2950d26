import { describe, expect, it } from "vitest";
import { returnAfterSeconds } from "../../functions/subscriber/return-messages.ts";

describe("returnAfterSeconds", () => {
  const longest = (receiveCount: number) =>
    returnAfterSeconds(receiveCount, () => 1 - Number.EPSILON);

  it("is seconds at first, and doubles up to minutes", () => {
    expect([1, 2, 3, 4, 7, 8, 100].map(longest)).toEqual([5, 10, 20, 40, 320, 320, 320]);
  });

  it("differs between messages that came at once, by half at most", () => {
    expect(returnAfterSeconds(4, () => 0)).toBe(20);
    expect(returnAfterSeconds(4, () => 0.5)).toBe(30);
  });

  it("takes a count that is none for a first time", () => {
    expect(longest(0)).toBe(5);
  });
});

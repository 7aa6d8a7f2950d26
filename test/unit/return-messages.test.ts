import { describe, expect, it } from "vitest";
import { returnAfterSeconds } from "../../functions/subscriber/failed-messages.ts";

describe("returnAfterSeconds", () => {
  const longest = (receiveCount: number) =>
    returnAfterSeconds(receiveCount, () => 1 - Number.EPSILON);

  it("starts at seconds and doubles up to minutes", () => {
    expect([1, 2, 3, 4, 7, 8, 100].map(longest)).toEqual([5, 10, 20, 40, 320, 320, 320]);
  });

  it("adds up to half as jitter for messages that arrived together", () => {
    expect(returnAfterSeconds(4, () => 0)).toBe(20);
    expect(returnAfterSeconds(4, () => 0.5)).toBe(30);
  });

  it("treats an invalid receive count as a first receive", () => {
    expect(longest(0)).toBe(5);
  });
});

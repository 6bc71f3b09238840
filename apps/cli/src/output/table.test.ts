import { styleText } from "node:util";
import { expect, test } from "vitest";
import { formatTable } from "./table.ts";

test("columns are aligned, paint is not counted, and no line ends in spaces", () => {
  const red = styleText("red", "no", { validateStream: false });
  const text = formatTable(
    [
      ["first", "yes", ""],
      ["the second", red, "why"],
    ],
    { indent: 2, columns: 80 },
  );
  expect(text).toBe(`  first       yes\n  the second  ${red}   why`);
});

test("the last column wraps between words at the width of the terminal", () => {
  const text = formatTable([["name", "one two three four five six"]], { indent: 0, columns: 20 });
  expect(text.split("\n")).toEqual(["name  one two three", "      four five six"]);
});

test("a word longer than the terminal stays whole", () => {
  const path = "/a/very/long/path/that/somebody/wants/to/copy";
  expect(formatTable([["out", path]], { indent: 0, columns: 20 })).toContain(path);
});

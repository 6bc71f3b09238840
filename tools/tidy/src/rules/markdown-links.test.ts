import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { markdownLinks } from "./markdown-links.ts";

const breaches = (page: string): string[] =>
  report(
    markdownLinks,
    new Repository({
      "docs/page.md": page,
      "README.md":
        "# Front page\n## `aspace fuzz`, in short\n## Twice\n## Twice\n```\n## Code\n```",
      "packages/arch/src/index.ts": "",
    }),
  );

test("a link to a file, folder or heading that is not there is a breach", () => {
  const bad = ["../readme.md", "../packages/vm", "../README.md#code", "#nowhere", "../README.md#x"];
  for (const target of bad)
    expect(breaches(`# Page\n[x](${target})`)).toEqual([
      `docs/page.md:2 markdown-links ${target} leads nowhere`,
    ]);
  expect(breaches("see [x]\n\n[x]: ./gone.md")).toEqual([
    "docs/page.md:3 markdown-links ./gone.md leads nowhere",
  ]);
});

test("links that lead somewhere, or out of the repository, are fine", () => {
  const good = [
    "../README.md",
    "../packages/arch/",
    "../packages/arch/src/index.ts",
    "../README.md#aspace-fuzz-in-short",
    "../README.md#twice-1",
    "#page",
    "https://example.org/x",
    "mailto:a@example.org",
  ];
  for (const target of good) expect(breaches(`# Page\n[x](${target})`), target).toEqual([]);
});

test("an index into an array in code is no link", () => {
  expect(breaches("`pages[i](x)`\n```ts\npages[i](x)\n```")).toEqual([]);
});

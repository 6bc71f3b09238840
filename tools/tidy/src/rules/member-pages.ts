/** A reader is given the idea before the code: a README everywhere, rules with ids where there is a contract. */
import type { Rule } from "../rule.ts";

export const memberPages: Rule = {
  id: "member-pages",
  says: "every package, app and tool has a README.md, every package a SPEC.md",
  check(repository) {
    return repository.members.flatMap(({ folder }) => {
      const pages = folder.startsWith("packages/") ? ["README.md", "SPEC.md"] : ["README.md"];
      return pages
        .map((page) => `${folder}/${page}`)
        .filter((path) => (repository.files.get(path) ?? "").trim() === "")
        .map((path) => ({ path, line: 1, message: "is missing or empty" }));
    });
  },
};

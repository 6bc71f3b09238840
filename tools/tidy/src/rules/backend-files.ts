/** Who has read one backend finds the same thing under the same name in the next. */
import type { Member, Repository } from "../repository.ts";
import type { Rule } from "../rule.ts";

/** What every backend has, however small. */
const ALWAYS: readonly string[] = ["index.ts", "format.ts", "walk.ts", "fault.ts"];

export const backendFiles: Rule = {
  id: "backend-files",
  says: "every published backend has the same source files, a made-up one the indispensable ones",
  check(repository) {
    const backends = repository.members.filter(({ folder }) =>
      /^packages\/arch-(?!conformance$)/.test(folder),
    );
    const published = backends.filter((backend) => !backend.isPrivate);
    const union = new Set(published.flatMap((backend) => [...sourceNames(repository, backend)]));
    return backends.flatMap((backend) => {
      const present = sourceNames(repository, backend);
      const owed = backend.isPrivate ? ALWAYS : [...new Set([...ALWAYS, ...union])];
      return owed
        .filter((name) => !present.has(name))
        .map((name) => ({
          path: `${backend.folder}/src/${name}`,
          line: 1,
          message: "is missing; the other backends have it",
        }));
    });
  },
};

function sourceNames(repository: Repository, { folder }: Member): Set<string> {
  const shipped = repository.sources.filter(
    (source) => source.path.startsWith(`${folder}/src/`) && !source.isTest,
  );
  return new Set(shipped.map((source) => source.path.slice(`${folder}/src/`.length)));
}

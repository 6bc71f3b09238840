/** A defect to plant: one edit of one source file, by text, so that the table reads like a patch. */
export interface Defect {
  readonly id: string;
  /** The fuzz target that must find it. */
  readonly target: string;
  /** From the repository's root. */
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What goes wrong, for the table. */
  readonly says: string;
}

/** A file's text with the defect planted. Throws when the place is gone or not unique. */
export function plant({ id, file, find, replace }: Defect, text: string): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${id}: ${file} has its text ${places} times, not once`);
  return text.replace(find, () => replace);
}

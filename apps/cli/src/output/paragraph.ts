export interface ParagraphOptions {
  /** Spaces before each line but the first, which stands where it is put. */
  readonly indent: number;
  /** Columns of the terminal. */
  readonly columns: number;
}

/** Prose broken between words. Never for a command: what is copied must stay one line. */
export function paragraph(text: string, { indent, columns }: ParagraphOptions): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || indent + longer.length <= columns) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

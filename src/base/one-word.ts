/** Text without blanks, for tables in which scripts end a cell at the first one. */
export const oneWord = (text: string): string => text.replace(/\s/gu, "_");

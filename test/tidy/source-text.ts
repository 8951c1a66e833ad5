/** The little of TypeScript's syntax that the source rules need: comments, strings, import specifiers. */

/** Comments and literals, whichever begins first: `//` inside a string is no comment, a quote inside a comment opens no string. */
const commentOrLiteral = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

const isComment = (token: string): boolean => token.startsWith("/");

export const withoutComments = (source: string): string => source.replace(commentOrLiteral, (token) => (isComment(token) ? " " : token));

/** Code alone: no comments, and every string and template empty, so that words in a message are no identifiers. */
export const withoutLiterals = (source: string): string => source.replace(commentOrLiteral, (token) => (isComment(token) ? " " : '""'));

/** Every module that `source` names: `import`, `export … from`, `import()` of values and of types, `require()`. */
export const importSpecifiers = (source: string): string[] =>
  [...withoutComments(source).matchAll(/\b(?:from|import|require)\s*\(?\s*["'`]([^"'`\n]*)["'`]/g)].map(
    ([, specifier]) => specifier as string,
  );

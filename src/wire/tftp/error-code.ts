/** RFC 1350 appendix and RFC 2347 §4: the codes of an ERROR packet. */
export const errorCode = {
  /** See the message; also what a busy server answers. */
  notDefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransferId: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionsRefused: 8,
} as const;

export type ErrorCode = (typeof errorCode)[keyof typeof errorCode];

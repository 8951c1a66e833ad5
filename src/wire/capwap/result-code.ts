/** Result codes of RFC 5415 §4.6.35. */
export const resultCodes = {
  success: 0,
  /** Failure; the AC List element must be present. */
  failureAcList: 1,
  /** Success, and the message's Local IP Address differs from the packet's source: a NAT is between. */
  successNat: 2,
  joinUnspecified: 3,
  joinResourceDepletion: 4,
  joinUnknownSource: 5,
  joinIncorrectData: 6,
  joinSessionIdInUse: 7,
  joinHardwareUnsupported: 8,
  joinBindingUnsupported: 9,
  resetUnable: 10,
  resetFirmwareWriteError: 11,
  configurationNotAppliedServiceAnyhow: 12,
  configurationNotAppliedNoService: 13,
  imageInvalidChecksum: 14,
  imageInvalidLength: 15,
  imageOtherError: 16,
  imageAlreadyPresent: 17,
  messageUnexpected: 18,
  messageUnrecognized: 19,
  missingMandatoryElement: 20,
  unrecognizedElement: 21,
  dataTransferNoInformation: 22,
} as const;

export type ResultCodeName = keyof typeof resultCodes;
/** What our own machines send. What a peer sends is any `number`. */
export type ResultCode = (typeof resultCodes)[ResultCodeName];

const names = new Map<number, ResultCodeName>(Object.entries(resultCodes).map(([name, code]) => [code, name as ResultCodeName]));

/** The RFC's name for a code, or `code N` for one that it does not have. */
export const resultCodeText = (code: number): string => names.get(code) ?? `code ${code}`;

export const isSuccess = (code: number): boolean => code === resultCodes.success || code === resultCodes.successNat;

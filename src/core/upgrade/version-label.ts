/** As AP images are labelled: `8.10.183.0`. Scripts that read `show ap image all` take nothing else for a version. */
export const isVersionLabel = (version: string): boolean => /^\d+(?:\.\d+)*$/.test(version);

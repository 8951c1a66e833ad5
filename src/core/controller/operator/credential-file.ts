/** An AP's credential as the controller prints it and as its `--credential` file holds it. */
export const credentialFileText = ({ identity, key }: { readonly identity: string; readonly key: string }): string =>
  `identity ${identity}\nkey ${key}\n`;

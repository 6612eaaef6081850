/**
 * Where a secret is kept, `env:NAME` or `file:PATH`, and what it says. Problems name the place, never the value.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ServiceAccount, SigningKey } from './connection.ts';

export const SecretSource = z
  .string()
  .regex(/^(env:[A-Z][A-Z0-9_]*|file:.+)$/, 'must be env:NAME or file:PATH');
export const SecretSources = z.union([
  SecretSource.transform((one) => [one]),
  z.array(SecretSource).min(1).max(2),
]);

const Key = z.looseObject({
  kty: z.enum(['RSA', 'EC']),
  kid: z.string().min(1),
  alg: z.enum(['RS384', 'ES384']),
  d: z.string().min(1),
});

/** A private key as JWK. The problem never quotes it. */
export function keyAt(
  source: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
): SigningKey | undefined {
  const text = secretAt(source, env, problems, where, 0);
  if (text === '') return undefined;
  try {
    return Key.parse(JSON.parse(text));
  } catch {
    problems.push(`${where}: the secret at ${source} is not a private JWK with kid and alg RS384 or ES384`);
    return undefined;
  }
}

const AccountKey = z.looseObject({
  client_email: z.email(),
  private_key: z.string().includes('PRIVATE KEY'),
  private_key_id: z.string().min(1),
  token_uri: z.url({ protocol: /^https?$/ }),
});

/** The key file of a Google service account, as Google gives it. The problem never quotes it. */
export function accountAt(
  source: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
): Omit<ServiceAccount, 'type' | 'scope'> | undefined {
  const text = secretAt(source, env, problems, where, 0);
  if (text === '') return undefined;
  try {
    const key = AccountKey.parse(JSON.parse(text));
    const { client_email: email, private_key: privateKey, private_key_id: keyId, token_uri: tokenUrl } = key;
    return { email, privateKey, keyId, tokenUrl };
  } catch {
    problems.push(`${where}: the secret at ${source} is not the JSON key of a service account`);
    return undefined;
  }
}

/** @returns an empty text where there is none; then a problem says so. */
export function secretAt(
  source: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
  where: string,
  shortest: number,
): string {
  const value = source.startsWith('env:') ? env[source.slice(4)] : contentsOf(source.slice(5));
  if (value === undefined || value.trim() === '') {
    problems.push(`${where}: there is no secret at ${source}`);
    return '';
  }
  const secret = value.trim();
  if (secret.length < shortest) problems.push(`${where}: the secret is shorter than ${shortest} characters`);
  return secret;
}

/** Of a file; undefined when it can not be read. */
export function contentsOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
